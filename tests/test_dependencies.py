"""What is imported is declared, and what is installed may be shipped with an MIT program."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.processes import run

ROOT = Path(__file__).parents[1]
OURS = {"promptstack", "mcp_server", "storage", "migrations"}
OPTIONAL = {"opentelemetry"}
"""Imported where the extra `otel` is installed; its interface comes with the SDK of MCP."""


def _imported(path: Path) -> Iterator[str]:
    """Yield the top-level modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {canonicalize_name(Requirement(each).name) for each in project["dependencies"]}


def _pinned() -> set[str]:
    """Return what declared dependencies require in one exact version: parts of themselves."""
    needs = [Requirement(need) for name in _declared() for need in requires(name) or ()]
    return {
        canonicalize_name(need.name)
        for need in needs
        if need.marker is None and any(each.operator == "==" for each in need.specifier)
    }


def _third_party_modules() -> set[str]:
    files = [path for room in OURS for path in (ROOT / room).rglob("*.py")]
    found = {module for path in files for module in _imported(path)}
    return found - OURS - OPTIONAL - sys.stdlib_module_names


@pytest.mark.parametrize("module", sorted(_third_party_modules()))
def test_every_module_that_is_imported_comes_with_a_declared_dependency(module):
    owners = {canonicalize_name(name) for name in packages_distributions().get(module, ())}
    assert owners & (_declared() | _pinned()), (
        f"'{module}' comes with {owners or 'nothing'}: declare it"
    )


def test_all_that_is_installed_with_promptstack_has_a_licence_that_is_allowed():
    run([sys.executable, ROOT / ".ci" / "third_party.py", "--licences"], text=True, check=True)


def test_the_page_on_licences_names_every_dependency():
    rows = (ROOT / "THIRD_PARTY.md").read_text().splitlines()
    named = {canonicalize_name(row.split("|")[1].strip()) for row in rows if row.startswith("| ")}
    assert _declared() - named == set()
