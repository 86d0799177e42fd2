"""What no linter checks: sizes, and that every kind of failure has its place."""

import ast
import re
import statistics
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest

import mcp_server
import storage
from mcp_server.cli.running import BUG, EXIT_CODES, exit_code
from storage.values.errors import PromptError

ROOT = Path(__file__).parents[1]
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
MEDIAN_FUNCTION = 10
P95_FUNCTION = 35
LABELS = {"prompt_labels", "label_weights", "label_history"}
"""The tables of labels."""
READING = {"select", "select_from", "_grouped", "_pointers"}
"""Calls that only read a table which is handed to them."""
WRITING = re.compile(rf"(?i)\b(insert into|update|delete from|copy)\s+({'|'.join(LABELS)})\b")
SOURCES = sorted(
    path
    for room in ("storage", "mcp_server", "migrations", "promptstack")
    for path in (ROOT / room).rglob("*.py")
    if path.parent.name != "versions" or path.parent.parent.name != "migrations"
)


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield each function's place and its number of lines."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", lines


def _all_functions() -> dict[str, int]:
    return dict(function for path in SOURCES for function in _functions(path))


def _leaves(kind: type[PromptError]) -> Iterator[type[PromptError]]:
    for leaf in kind.__subclasses__():
        yield leaf
        yield from _leaves(leaf)


def _import_everything() -> None:
    for package in (mcp_server, storage):
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                import_module(module.name)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_too_long(path):
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


def test_no_function_is_too_long():
    assert {place: n for place, n in _all_functions().items() if n > LONGEST_FUNCTION} == {}


def test_functions_are_short_on_the_whole():
    sizes = sorted(_all_functions().values())
    assert statistics.median(sizes) <= MEDIAN_FUNCTION
    assert statistics.quantiles(sizes, n=20)[-1] <= P95_FUNCTION


def test_every_module_says_what_it_is_for():
    assert [
        str(path) for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text()))
    ] == []


def test_every_failure_is_of_one_kind_and_has_its_exit_code():
    _import_everything()
    leaves = set(_leaves(PromptError))
    assert leaves >= EXIT_CODES.keys()
    for leaf in leaves:
        kinds = [kind for kind in EXIT_CODES if issubclass(leaf, kind)]
        assert len(kinds) == 1, leaf
        error = leaf.__new__(leaf)
        assert exit_code(error) == EXIT_CODES[kinds[0]]


def test_exit_codes_tell_kinds_apart_and_apart_from_bugs():
    codes = [*EXIT_CODES.values(), BUG, 0]
    assert len(set(codes)) == len(codes)


def test_tests_start_processes_in_one_place():
    keepers = {
        "support/processes.py",
        "support/postgres.py",  # runs without site-packages, where there is no other file of ours
    }
    starts = re.compile(r"subprocess\.(run|Popen|call|check_)|create_subprocess_|open_process")
    found = {
        str(path.relative_to(ROOT / "tests"))
        for path in (ROOT / "tests").rglob("*.py")
        if path != Path(__file__) and starts.search(path.read_text())
    }
    assert found == keepers


def test_labels_are_set_from_one_place():
    setting = re.compile(r"\blabels\.record\b")
    found = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        if path != ROOT / "storage/labels.py" and setting.search(path.read_text())
    }
    assert found == {"mcp_server/service/labelling.py"}


def _writes_of_labels(path: Path) -> Iterator[str]:
    """Yield the calls that write the tables of labels, or hand them to what may, and such SQL."""
    for node in ast.walk(ast.parse(path.read_text())):
        place = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Constant) and WRITING.search(str(node.value)):
            yield f"{place} {node.value}"
        if not isinstance(node, ast.Call):
            continue
        called, given = ast.unparse(node.func), {ast.unparse(each) for each in node.args}
        table, _, method = called.rpartition(".")
        writes = table in LABELS and method in ("insert", "update", "delete")
        if writes or (given & LABELS and method not in READING):
            yield f"{place} {ast.unparse(node)}"


def test_the_tables_of_labels_are_written_in_one_place():
    keeper = ROOT / "storage/labels.py"
    rooms = [path for path in SOURCES if path.relative_to(ROOT).parts[0] != "migrations"]
    assert [use for path in rooms if path != keeper for use in _writes_of_labels(path)] == []
    assert len([*_writes_of_labels(keeper)]) >= len(LABELS)


def test_the_embedded_postgresql_has_no_word_of_the_program_that_runs_it():
    files = [path for path in (ROOT / "storage" / "embedded").iterdir() if path.is_file()]
    words = re.compile("promptstack|DATABASE_URL", re.IGNORECASE)
    assert [path.name for path in files if words.search(path.read_text())] == []
