"""A wheel, installed: one package, which no module of the user's project can get in the way of."""

import json
import os
import re
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import httpx2
import pytest

from storage.embedded.lifecycle import status, stop
from tests.support.embedded import root_in
from tests.support.postgres import memory_or_disk
from tests.support.processes import PIPE, SECONDS, run, started

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
OURS = ("mcp_server", "storage", "migrations")


@dataclass(frozen=True)
class Installed:
    """A virtual environment that has the wheel; its dependencies are those of the tests."""

    bin: Path
    packages: Path

    def command(self, kind: str) -> list[str]:
        """Return what starts the program: the script, or the module."""
        if kind == "script":
            return [str(self.bin / "promptstack")]
        return [str(self.bin / "python"), "-m", "promptstack"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _wheel_of(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("venv")
    run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(run([python, "-c", asked], text=True, check=True).stdout.strip())
    run([*PIP, "--python", python, "install", "--no-deps", "--no-index", wheel], check=True)
    # Files like this one aren't read in a folder that one of them names, so the clone stays out.
    theirs = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
    (packages / "dependencies.pth").write_text("\n".join(theirs))
    return Installed(python.parent, packages)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with modules that are called like ours, and can't be imported."""
    for name in OURS:
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('the project has a {name}')\n")
    return tmp_path


@pytest.fixture
def environment() -> dict[str, str]:
    inherited = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    return inherited | {"PYTHONPATH": ".", "PROMPTSTACK_USER": "tester"}


@pytest.fixture
def fresh() -> Iterator[Path]:
    """A data folder where nothing is yet."""
    parent = memory_or_disk(2**30, runs_programs=True)
    folder = Path(tempfile.mkdtemp(prefix="ps-wheel-", dir=parent))
    yield folder
    stop(root_in(folder))
    shutil.rmtree(folder)


def _wheel_of(source: Path, folder: Path) -> Path:
    building = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder, source]
    run([*PIP, *building], check=True)
    (made,) = folder.glob("*.whl")
    return made


def test_one_package_is_put_beside_those_of_others(installed):
    found = {path.name for path in installed.packages.iterdir()} - {"dependencies.pth"}
    (about,) = (name for name in found if re.fullmatch(r"promptstack_mcp-[\d.]+\.dist-info", name))
    assert found == {"promptstack", about}
    assert {path.name for path in (installed.packages / "promptstack").iterdir()} == {
        *OURS, "__init__.py", "__main__.py", "__pycache__", "py.typed",
    }  # fmt: skip


def test_a_wheel_of_the_source_distribution_is_the_same(wheel, tmp_path):
    building = ["-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path]
    run([sys.executable, *building], cwd=ROOT, check=True)
    (source,) = tmp_path.glob("*.tar.gz")
    files = [sorted(ZipFile(each).namelist()) for each in (wheel, _wheel_of(source, tmp_path))]
    assert files[0] == files[1]


@pytest.mark.parametrize("kind", ["script", "module"])
def test_modules_of_a_project_are_not_taken_for_ours(installed, project, environment, kind):
    done = run([*installed.command(kind), "version"], cwd=project, env=environment, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("promptstack ")


@pytest.mark.parametrize("kind", ["script", "module"])
def test_an_assistant_is_answered(installed, project, environment, database_url, kind):
    about = {"protocolVersion": "2025-06-18", "capabilities": {}}
    about["clientInfo"] = {"name": "test", "version": "1"}
    asked = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": about}
    given = environment | {"DATABASE_URL": database_url}
    done = run(installed.command(kind), json.dumps(asked) + "\n", cwd=project, env=given, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["result"]["serverInfo"]["name"] == "promptstack"


def test_the_embedded_postgresql_starts_and_is_migrated(installed, project, environment, fresh):
    given = environment | {"PROMPTSTACK_DATA_DIR": str(fresh)}
    command = installed.command("script")
    run([*command, "migrate"], cwd=project, env=given, text=True, check=True)
    assert status(root_in(fresh)).running
    run([*command, "create", "greeting", "-t", "Hello"], cwd=project, env=given, check=True)


def test_workers_of_the_web_server_find_their_modules(
    installed, project, environment, database_url
):
    given = environment | {"DATABASE_URL": database_url, "PROMPTSTACK_WORKERS": "2"}
    command = [*installed.command("script"), "serve", "--port", "0"]
    with started(command, cwd=project, env=given, text=True, stdout=PIPE) as server:
        addresses = (re.search(r"http://\S+:\d+", line) for line in server.stdout)
        url = next(found[0] for found in addresses if found)
        assert httpx2.get(f"{url}/readyz", timeout=SECONDS, trust_env=False).status_code == 200
