"""The fences between rooms hold: what is planted on the wrong side is found."""

import shutil
import sys
from pathlib import Path
from pkgutil import walk_packages

import pytest

import storage
from tests.support.processes import run

ROOT = Path(__file__).parents[1]
SHUT = sorted(
    module.name
    for module in walk_packages(storage.__path__, "storage.")
    if not module.name.startswith("storage.values") and not module.ispkg
)
PLANTED = [
    *(("mcp_server.rest.door", name) for name in SHUT),
    ("mcp_server.rest.door", "mcp_server.protocol.uris"),
    ("mcp_server.protocol.server", "mcp_server.rest.door"),
    ("mcp_server.protocol.server", "mcp_server.problems"),
    ("mcp_server.protocol.server", "mcp_server.doors"),
    ("mcp_server.http.bodies", "mcp_server.rest.door"),
    ("mcp_server.http.requests", "mcp_server.protocol.server"),
    ("mcp_server.problems", "mcp_server.doors"),
    ("mcp_server.schemas.base", "mcp_server.problems"),
    ("mcp_server.app", "mcp_server.http.application"),
]
"""Who imports what it may not."""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """What is said of the sources as they are, and with all that is planted in them."""
    copy = tmp_path_factory.mktemp("copy")
    for name in ("mcp_server", "storage", "migrations"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    before = _report(copy)
    for module, name in PLANTED:
        with (copy / module.replace(".", "/")).with_suffix(".py").open("a") as source:
            source.write(f"import {name}\n")
    return before, _report(copy)


def _report(folder: Path) -> str:
    program = Path(sys.executable).with_name("lint-imports")
    return str(run([program, "--no-cache"], cwd=folder, text=True).stdout)


def test_the_sources_keep_all_contracts(reports):
    assert " 0 broken." in reports[0]


@pytest.mark.parametrize(("module", "name"), PLANTED)
def test_an_import_that_is_planted_is_refused(reports, module, name):
    assert f"{module} -> {name} (" in reports[1]
