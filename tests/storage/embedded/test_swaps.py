"""A data folder that is moved, deleted or replaced under the server that works in it."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from storage.embedded import absence
from storage.embedded.errors import DataAway
from storage.embedded.lifecycle import ensure, stop
from storage.embedded.paths import Root
from storage.embedded.processes import arguments_of
from tests.storage.embedded.client_process import fetch
from tests.storage.embedded.clients import (
    Client,
    is_alive,
    postmasters,
    processes_of,
    supervisors,
    wait_until,
)
from tests.storage.embedded.conftest import clean_up, copy_root

pytestmark = pytest.mark.slow

StartClient = Callable[..., Client]


@pytest.fixture
def away(root: Root) -> Root:
    """Where the root is moved to."""
    around = root.path.with_name("away")
    around.mkdir(mode=0o711)
    return replace(root, path=around / root.path.name)


@pytest.fixture
def paused(root: Root, client: StartClient) -> Iterator[int]:
    """A server whose supervisor notices nothing; in it, a row, and a client without presence."""
    client(root).tell("fetch", "CREATE TABLE kept AS SELECT 7 AS number")
    (supervisor,) = supervisors(root)
    os.kill(supervisor, signal.SIGSTOP)
    yield supervisor
    with suppress(ProcessLookupError):
        os.kill(supervisor, signal.SIGCONT)


def test_a_checkpoint_writes_into_the_folder_that_was_moved_and_not_into_its_place(
    root: Root, away: Root, made_root: Root, paused: int, client: StartClient
) -> None:
    sql = "CREATE TABLE later AS SELECT 8 AS number; CHECKPOINT"
    (server,) = postmasters(root)
    root.path.rename(away.path)
    copy_root(made_root, root)
    before = _content(root.path)

    _run_in_moved(away, sql)
    assert _content(root.path) == before
    os.kill(server, signal.SIGINT)  # the orderly end, as if nobody had noticed anything
    wait_until(lambda: not _runs(server), "the server has ended")

    assert _content(root.path) == before
    os.kill(paused, signal.SIGCONT)
    wait_until(lambda: not is_alive(paused), "its supervisor has ended")
    assert _content(root.path) == before
    assert client(away).tell("fetch", "SELECT number FROM later") == 8
    clean_up(away)


@pytest.mark.parametrize("stops", ["by itself", "on request"])
def test_a_server_whose_folder_was_moved_ends_without_a_checkpoint(
    stops: str, root: Root, away: Root, paused: int, client: StartClient
) -> None:
    if stops == "on request":
        os.kill(paused, signal.SIGTERM)
    root.path.rename(away.path)
    log = away.log.read_text()

    os.kill(paused, signal.SIGCONT)
    wait_until(lambda: not is_alive(paused), "the supervisor and the server have ended")

    assert "received immediate shutdown request" in away.log.read_text()[len(log) :]
    assert not root.path.exists()
    assert client(away).tell("fetch", "SELECT number FROM kept") == 7
    clean_up(away)


def test_an_idle_stop_of_a_moved_server_writes_nothing_at_its_old_place(
    hasty_root: Root, away: Root, made_root: Root, client: StartClient
) -> None:
    only = client(hasty_root)
    only.tell("ensure")
    (supervisor,) = supervisors(hasty_root)
    os.kill(supervisor, signal.SIGSTOP)
    only.leave()
    hasty_root.path.rename(away.path)
    copy_root(made_root, hasty_root)
    before = _content(hasty_root.path)

    os.kill(supervisor, signal.SIGCONT)
    wait_until(lambda: not processes_of(hasty_root), "the server and its supervisor are gone")

    assert _content(hasty_root.path) == before


def test_the_server_of_a_moved_folder_is_ended_before_another_starts_in_its_place(
    root: Root, away: Root, made_root: Root, paused: int, client: StartClient
) -> None:
    (old,) = postmasters(root)
    root.path.rename(away.path)
    copy_root(made_root, root)

    assert client(root).tell("fetch", "SELECT to_regclass('kept')") is None

    assert not _runs(old)
    os.kill(paused, signal.SIGCONT)
    wait_until(lambda: not is_alive(paused), "the supervisor of the moved folder is gone")
    assert len(postmasters(root)) == 1
    assert client(root).tell("fetch", "SELECT 1") == 1


def test_a_copy_of_a_running_root_is_not_taken_for_it(
    root: Root, away: Root, client: StartClient
) -> None:
    first = client(root)
    first.tell("fetch", "CREATE TABLE kept AS SELECT 7 AS number")
    (server,) = postmasters(root)
    copy_root(root, away)

    assert client(away).tell("fetch", "SELECT number FROM kept") == 7
    assert stop(away) is True

    assert is_alive(server)
    assert first.tell("fetch", "SELECT number FROM kept") == 7


def test_another_cluster_in_the_same_folder_is_noticed(
    root: Root, made_root: Root, client: StartClient
) -> None:
    client(root).tell("ensure")
    (supervisor,) = supervisors(root)
    root.data(18).rename(root.path / "old")
    shutil.copytree(made_root.data(18), root.data(18))

    wait_until(lambda: not is_alive(supervisor), "the server has ended")

    assert "immediate shutdown" in root.log.read_text()


def test_a_process_makes_nothing_where_its_folder_was_and_opens_it_when_it_is_back(
    root: Root, away: Root
) -> None:
    fetch(ensure(root), "CREATE TABLE kept AS SELECT 7 AS number")
    root.path.rename(away.path)

    for _ in range(3):
        with pytest.raises(DataAway, match="isn't there any more"):
            ensure(root)
    assert not root.path.exists()

    away.path.rename(root.path)
    assert fetch(ensure(root), "SELECT number FROM kept") == 7


def test_a_process_makes_no_cluster_in_a_root_that_has_lost_its_own(root: Root) -> None:
    ensure(root)
    stop(root)
    shutil.rmtree(root.data(18))

    with pytest.raises(DataAway):
        ensure(root)

    assert not list(root.path.glob("pg1*"))


def test_a_process_that_was_told_of_a_cluster_makes_none(new_root: Root) -> None:
    absence.expect(new_root)

    with pytest.raises(DataAway):
        ensure(new_root)

    assert not new_root.path.exists()


def test_a_folder_that_is_still_being_put_back_is_not_opened(
    root: Root, away: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(absence, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    ensure(root)
    stop(root)
    root.path.rename(away.path)
    copy_root(away, root)
    grows = root.data(18) / "base" / "grows"
    present = set(root.clients.iterdir())

    for number in range(3):
        grows.write_text("x" * number)
        with pytest.raises(DataAway, match="nothing has changed in it"):
            ensure(root)
        assert set(root.clients.iterdir()) == present
        clock[0] += absence.SETTLING_SECONDS

    assert fetch(ensure(root), "SELECT 1") == 1


def test_what_another_process_has_opened_is_joined_at_once(
    root: Root, away: Root, client: StartClient
) -> None:
    ensure(root)
    stop(root)
    root.path.rename(away.path)
    copy_root(away, root)
    client(root).tell("ensure")

    assert fetch(ensure(root), "SELECT 1") == 1


def test_a_process_is_present_in_the_folder_that_is_there_now(
    root: Root, away: Root, client: StartClient
) -> None:
    ensure(root)
    stop(root)
    root.path.rename(away.path)
    copy_root(away, root)
    client(root).tell("ensure")
    ensure(root)

    assert any(name.startswith(f"{os.getpid()}-") for name in os.listdir(root.clients))
    assert client(away).tell("fetch", "SELECT 1") == 1
    clean_up(away)


def _runs(pid: int) -> bool:
    """Tell whether a process runs, which one that isn't buried yet doesn't."""
    return any(arguments_of(pid))


def _run_in_moved(away: Root, sql: str) -> None:
    """Run statements in a server that was moved along with its socket and its password."""
    import asyncio

    import asyncpg

    async def session() -> None:
        database = await asyncpg.connect(
            host=str(away.path / "run"),
            user="promptstack",
            password=away.password.read_text(),
            database="promptstack",
        )
        try:
            for statement in sql.split("; "):
                await database.execute(statement)
        finally:
            await database.close()

    asyncio.run(session())


def _content(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return what every file holds, and when it was written."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }
