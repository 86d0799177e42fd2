"""Which test reaches which line: measured once with coverage, kept in `build/mutants`."""

import ast
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
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
_SHORT = "not slow and not timed"
"""Tests that start servers or measure time are many times slower, and rarely about one line."""


class Reach:
    """What was measured of some folders of tests; the folder named first is asked first."""

    def __init__(self, folders: Sequence[str]) -> None:
        self._measured = [_Measured(folder) for folder in folders]

    def tests(self, path: str, line: int) -> dict[str, float]:
        """The tests that reach a line with the seconds each takes, in the order to run them."""
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

    def __init__(self, folder: str) -> None:
        self.folder = folder
        name = folder.replace("/", "-")
        data, seconds, state = (_KEPT / f"{name}.{end}" for end in ("coverage", "json", "state"))
        is_now = _state(folder)
        if not state.exists() or state.read_text() != is_now:
            _measure(folder, data, seconds)
            state.write_text(is_now)
        self.seconds: dict[str, float] = json.loads(seconds.read_text())
        self._data = CoverageData(str(data))
        self._data.read()
        self._lines: dict[str, dict[int, list[str]]] = {}

    def reaching(self, path: str, line: int) -> set[str]:
        """Return the tests that run a line; for what only an import runs, those of its file."""
        if path not in self._lines:
            self._lines[path] = self._data.contexts_by_lineno(path)
        for first, last in _around((ROOT / path).read_text(), line):
            if found := self._between(path, first, last):
                return found
        return set()

    def _between(self, path: str, first: int, last: int) -> set[str]:
        lines = self._lines[path]
        named = {test for line in range(first, last + 1) for test in lines.get(line, ())}
        return named & self.seconds.keys()


def _around(source: str, line: int) -> Iterator[tuple[int, int]]:
    """Yield from which line to which the statement is, and if an import runs it, what uses it.

    That is the function whose head it is in, or the class, or the file.
    """
    whole = (1, source.count("\n") + 1)
    inner, scope = whole, ast.parse(source)
    for node in ast.walk(scope):
        if isinstance(node, ast.stmt) and _head(node)[0] <= line <= _head(node)[1]:
            inner = _head(node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first, last = _head(node)[0], node.end_lineno or node.lineno
            if first <= line <= last:
                scope = node
                whole = (node.body[0].lineno, last)
    yield inner
    if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef) or line < whole[0]:
        yield whole
        yield 1, source.count("\n") + 1


def _head(node: ast.stmt) -> tuple[int, int]:
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(each.lineno for each in decorators)])
    body = getattr(node, "body", None)
    return first, (body[0].lineno - 1 if body else node.end_lineno or node.lineno)


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
        tests = ["-m", _SHORT, "-q", "--note-seconds", str(seconds.resolve()), folder]
        copy.pytest(["-m", "coverage", "run", f"--rcfile={settings}", "-m", "pytest"], tests)
        combining = [sys.executable, "-m", "coverage", "combine", "-q", f"--rcfile={settings}"]
        subprocess.run(combining, cwd=copy.root, check=True)
        data.write_bytes((copy.scratch / ".coverage").read_bytes())
