"""Which test reaches which line: measured once with coverage, kept in `build/mutants`."""

import ast
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from coverage import CoverageData

from benchmarks.mutants.copies import ROOT, Copy

_KEPT = ROOT / "build" / "mutants"
_SETTINGS = """
[run]
source = mcp_server, storage
concurrency = thread, greenlet
parallel = true
patch = subprocess
relative_files = true
data_file = {data}
"""
_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
SHORT = "not slow and not timed"
"""Tests that start servers or measure time are many times slower, and rarely about one line."""


class Reach:
    """What some folders of tests reach: measured now, unless it was in the state they are in.

    With `kept`, what was measured once holds, although lines may have moved since.
    """

    def __init__(self, folders: Sequence[str], *, kept: bool = False) -> None:
        self._measured = [_Measured(folder, kept) for folder in folders]

    def tests(self, path: str, line: int) -> dict[str, float]:
        """Return the tests that reach a line with the seconds each takes, in the order to run them.

        Those of the folder that is called as the package come first.
        """
        own = path.removeprefix("mcp_server/").partition("/")[0]
        order = sorted(self._measured, key=lambda each: each.folder != f"tests/{own}")
        # The fastest first: most mutants die at once.
        return {
            test: each.seconds[test]
            for each in order
            for test in sorted(each.reaching(path, line), key=lambda test: each.seconds[test])
        }


class _Measured:
    """What the tests of one folder reach."""

    def __init__(self, folder: str, kept: bool) -> None:
        self.folder = folder
        name = folder.replace("/", "-")
        data, seconds, state = (_KEPT / f"{name}.{end}" for end in ("coverage", "json", "state"))
        is_now = _state(folder)
        if not state.exists() or not (kept or state.read_text() == is_now):
            _measure(folder, data, seconds)
            state.write_text(is_now)
        self.seconds: dict[str, float] = json.loads(seconds.read_text())
        self._data = CoverageData(str(data))
        self._data.read()
        self._lines: dict[str, dict[int, list[str]]] = {}

    def reaching(self, path: str, line: int) -> set[str]:
        """Return the tests that run a line.

        What an import runs, all of them do; what is remembered, only one. Then these are the tests
        that run the function whose head it is in, or those of its class, or its file; or any, where
        there are none of these.
        """
        if path not in self._lines:
            self._lines[path] = self._data.contexts_by_lineno(path)
        if not self._lines[path]:
            return set()
        tree = ast.parse((ROOT / path).read_text())
        within = [node for node in ast.walk(tree) if line in _lines(node)]
        functions = [node for node in within if isinstance(node, _FUNCTION)]
        # What is remembered runs for the test that comes first, and serves those after it.
        runs = functions and not any(
            "cache" in ast.unparse(each) for each in functions[0].decorator_list
        )
        if runs and line >= functions[0].body[0].lineno:
            return self._running(path, _statement(within, line))
        for scope in [
            *functions[:1],
            *(each for each in within if type(each) is ast.ClassDef),
            tree,
        ]:
            if found := self._running(path, _bodies(scope)):
                return found
        return set(self.seconds)

    def _running(self, path: str, lines: Iterable[int]) -> set[str]:
        reached = self._lines[path]
        return {test for line in lines for test in reached.get(line, ())} & self.seconds.keys()


def _lines(node: ast.AST) -> range:
    """Return the lines of a statement, its decorators included; of anything else, none."""
    if not isinstance(node, ast.stmt):
        return range(0)
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(each.lineno for each in decorators)])
    return range(first, (node.end_lineno or node.lineno) + 1)


def _statement(within: Sequence[ast.AST], line: int) -> range:
    """Return the lines of the innermost statement; of one with a body, those before that."""
    lines = min(map(_lines, within), key=len)
    bodies = [getattr(node, "body", None) for node in within if _lines(node) == lines]
    before = bodies[0][0].lineno if bodies and isinstance(bodies[0], list) else lines.stop
    return range(lines.start, before) if line < before else range(line, line + 1)


def _bodies(scope: ast.AST) -> Iterator[int]:
    """Yield the lines in the bodies of the functions in a class or a file, or of one function."""
    for node in ast.walk(scope):
        if isinstance(node, _FUNCTION):
            yield from range(node.body[0].lineno, _lines(node).stop)


def _state(folder: str) -> str:
    """Return what changes when sources or tests do."""
    state = hashlib.sha256()
    for room in ("mcp_server", "storage", "migrations", "tests/support", folder):
        for file in sorted((ROOT / room).rglob("*.py")):
            state.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return state.hexdigest()


def _measure(folder: str, data: Path, seconds: Path) -> None:
    print(f"measuring what {folder} reaches …", flush=True)
    _KEPT.mkdir(parents=True, exist_ok=True)
    with Copy() as copy:
        settings = copy.scratch / "coverage.ini"
        settings.write_text(_SETTINGS.format(data=copy.scratch / ".coverage"))
        tests = ["-m", SHORT, "-q", "--note-seconds", str(seconds.resolve()), folder]
        copy.pytest(["-m", "coverage", "run", f"--rcfile={settings}", "-m", "pytest"], tests)
        combining = [sys.executable, "-m", "coverage", "combine", "-q", f"--rcfile={settings}"]
        subprocess.run(combining, cwd=copy.root, check=True)
        data.write_bytes((copy.scratch / ".coverage").read_bytes())
