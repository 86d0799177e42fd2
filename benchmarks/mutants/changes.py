"""The mutants: which there are, which of them change nothing, and which are drawn."""

import ast
import copy
import difflib
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator, operator_names
from coverage import Coverage

from benchmarks.mutants.copies import ROOT

PACKAGES = ("mcp_server/domain", "mcp_server/service", "storage")


@dataclass(frozen=True)
class Mutant:
    """One change of one file."""

    path: str
    line: int
    operator: str
    occurrence: int
    before: str = field(compare=False)

    @property
    def after(self) -> str:
        """The file with the change; without one, where the operator can't make it."""
        try:
            changed = mutate_code(self.before, _operator(self.operator), self.occurrence)
        except AttributeError:  # cosmic-ray's: it takes `*NAMES` among exceptions for a name
            return self.before
        assert changed is not None, self
        return str(changed)

    @property
    def diff(self) -> str:
        """The lines that differ."""
        lines = difflib.unified_diff(self.before.splitlines(), self.after.splitlines(), n=0)
        return "\n".join(f"    {line}" for line in list(lines)[3:])

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.operator} {self.occurrence}"


def draw(package: str, count: int, seed: int) -> tuple[list[Mutant], list[tuple[Mutant, str]]]:
    """Draw mutants of a package, each of another line, and those met that change nothing."""
    chance = random.Random(f"{seed} {package}")
    lines = sorted(_by_line(package).items())
    chance.shuffle(lines)
    drawn: list[Mutant] = []
    same: list[tuple[Mutant, str]] = []
    for _, families in lines:
        # An operator that can be replaced by ten others is no likelier than one with one.
        mutant = chance.choice(families[chance.choice(sorted(families))])
        if len(drawn) == count:
            break
        if reason := equivalent(mutant.before, mutant.after):
            same.append((mutant, reason))
        else:
            drawn.append(mutant)
    return drawn, same


def of_line(path: str, line: int) -> list[Mutant]:
    """Return all mutants of a line that change something."""
    return [
        mutant
        for mutant in _of_file(path)
        if mutant.line == line and not equivalent(mutant.before, mutant.after)
    ]


def weight(package: str) -> int:
    """Return in how many lines of a package something can be changed."""
    return len(_by_line(package))


@cache
def _by_line(package: str) -> dict[tuple[str, int], dict[str, list[Mutant]]]:
    found: dict[tuple[str, int], dict[str, list[Mutant]]] = defaultdict(lambda: defaultdict(list))
    for file in sorted((ROOT / package).rglob("*.py")):
        path = str(file.relative_to(ROOT))
        excluded = _excluded(file)
        for mutant in _of_file(path):
            if mutant.line not in excluded:
                family = mutant.operator.split("_")[0]
                found[path, mutant.line][family].append(mutant)
    return found


def _of_file(path: str) -> Iterator[Mutant]:
    source = (ROOT / path).read_text()
    nodes = list(ast_nodes(get_ast(source)))
    for name in sorted(_operators()):
        operator = _operator(name)
        places = (place for node in nodes for place in operator.mutation_positions(node))
        for occurrence, ((line, _), _) in enumerate(places):
            yield Mutant(path, line, name, occurrence, source)


def _operators() -> list[str]:
    # The other two want to be told names of variables.
    return [name for name in operator_names() if not get_operator(name).arguments()]


@cache
def _operator(name: str) -> Operator:
    return get_operator(name)()


@cache
def _measuring() -> Coverage:
    return Coverage(config_file=str(ROOT / "pyproject.toml"), data_file=None)


def _excluded(file: Path) -> set[int]:
    """Return the lines that are left out of coverage: they say why themselves."""
    return set(_measuring().analysis2(str(file))[2])


def equivalent(before: str, after: str) -> str | None:
    """Return why a change is none, or None if it is one."""
    try:
        trees = [ast.parse(each) for each in (before, after)]
    except SyntaxError:
        return "doesn't compile"
    for reason, rule in _RULES.items():
        ruled = [ast.dump(rule(copy.deepcopy(tree))) for tree in trees]
        if ruled[0] == ruled[1]:
            return reason
    return None


class _Annotations(ast.NodeTransformer):
    """Leaves out what is only written for a type checker."""

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(value=None)
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        # `Text = str | None`: a name with a capital for a type.
        target = node.targets[0]
        is_alias = isinstance(target, ast.Name) and re.match("_?[A-Z][a-z]", target.id)
        return None if is_alias and isinstance(node.value, ast.BinOp) else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id in ("cast", "TypeVar"):
            node.args = node.args[1:]
        return self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return None
        return self.generic_visit(node)


class _Logging(ast.NodeTransformer):
    """Leaves out what is only said in the log."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        function = node.value.func if isinstance(node.value, ast.Call) else None
        owner = function.value if isinstance(function, ast.Attribute) else None
        if isinstance(owner, ast.Name) and owner.id.lower() in ("log", "_log", "logger", "_logger"):
            return None
        return node


class _Memory(ast.NodeTransformer):
    """Leaves out what saves memory or time and changes no value, and what says so to readers."""

    _names = frozenset({"cache", "lru_cache", "cached_property", "override", "final"})

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list = [
            each for each in node.decorator_list if _called(each) not in self._names
        ]
        return self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        # What `frozen` refuses, mypy has refused before.
        is_mark = node.arg in ("slots", "frozen")
        return ast.keyword(node.arg, ast.Constant(None)) if is_mark else node


def _called(decorator: ast.expr) -> str:
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(function).rpartition(".")[2]


_RULES: dict[str, Callable[[ast.Module], ast.AST]] = {
    "annotations only": _Annotations().visit,
    "the log only": _Logging().visit,
    "caches, slots and marks only": _Memory().visit,
}
