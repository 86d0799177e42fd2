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
PLANTED = "mcp_server/rest/door.py"


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """What is said of the sources as they are, and of a door that imports all of storage."""
    copy = tmp_path_factory.mktemp("copy")
    for name in ("mcp_server", "storage", "migrations"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    before = _report(copy)
    with (copy / PLANTED).open("a") as door:
        door.writelines(f"import {name}\n" for name in SHUT)
    return before, _report(copy)


def _report(folder: Path) -> str:
    program = Path(sys.executable).with_name("lint-imports")
    return str(run([program, "--no-cache"], cwd=folder, text=True).stdout)


def test_the_sources_keep_all_contracts(reports):
    assert " 0 broken." in reports[0]


@pytest.mark.parametrize("name", SHUT)
def test_a_door_that_imports_storage_is_refused(reports, name):
    assert f"mcp_server.rest.door -> {name} (" in reports[1]
