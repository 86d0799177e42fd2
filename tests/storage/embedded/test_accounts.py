"""The same life as root and as a plain user."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from storage.embedded.paths import Root
from tests.storage.embedded.clients import (
    NOBODY,
    REPOSITORY,
    Client,
    postmasters,
    processes_of,
    python_for_all,
    wait_until,
)

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
    root = Root.of(home / "data", idle_seconds=0.5)
    yield root
    wait_until(lambda: not processes_of(root), f"no process of '{root.path}' is left")


def test_a_plain_user_makes_uses_and_leaves_a_cluster(
    plain_root: Root, client: StartClient
) -> None:
    user = _plain_client(client, plain_root)

    assert user.tell("fetch", "SELECT lower('ÄÖÜ')") == "äöü"
    (server,) = postmasters(plain_root)
    assert Path(f"/proc/{server}").stat().st_uid == NOBODY

    user.leave()
    wait_until(lambda: not processes_of(plain_root), "the server is gone")


def test_a_plain_user_without_a_data_folder_of_his_choice_uses_his_home(
    plain_root: Root, client: StartClient
) -> None:
    shutil.rmtree(plain_root.path, ignore_errors=True)
    home = plain_root.path.parents[1]
    user = _plain_client(client, replace(plain_root, path=Path("-", "postgres")), home=home)

    assert user.tell("root") == str(home / ".local/share/promptstack/postgres")


def _plain_client(client: StartClient, root: Root, home: Path | None = None) -> Client:
    for folder in (REPOSITORY, Path(os.__file__).parent):
        if not os.access(folder, os.R_OK):
            pytest.skip(f"'{folder}' can't be read by another user")
    return client(
        root,
        python=python_for_all(),
        identity={"user": NOBODY, "group": NOBODY, "extra_groups": []},
        environment={
            "HOME": str(home or root.path.parents[1]),
            "PYTHONPATH": _readable_packages(),
        },
    )


def _readable_packages() -> str:
    """Return where the packages are, without the library of our own interpreter."""
    import asyncpg

    return os.pathsep.join([str(REPOSITORY), str(Path(asyncpg.__file__).parents[1])])


def test_root_may_name_a_folder_that_only_root_enters(new_root: Root, client: StartClient) -> None:
    around = new_root.path.parent
    around.chmod(0o700)

    assert client(new_root).tell("fetch", "SELECT 'in'") == "in"
    assert around.stat().st_mode & 0o777 == 0o711


def test_root_opens_no_folder_that_holds_other_things(folder: Path) -> None:
    (folder / "letters").mkdir()
    folder.chmod(0o700)
    Root.of(folder).prepare()
    assert folder.stat().st_mode & 0o777 == 0o700
