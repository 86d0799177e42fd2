"""What is left behind by those who were killed, and how the next client goes on."""

import asyncio
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from subprocess import DEVNULL, Popen

import asyncpg
import pytest

from storage.embedded import presence
from storage.embedded.cluster import ENVIRONMENT
from storage.embedded.errors import DataAway, EmbeddedError
from storage.embedded.lifecycle import ConnInfo, ensure, status, stop
from storage.embedded.locks import is_locked
from storage.embedded.paths import Root
from storage.embedded.plans import prepare
from storage.embedded.processes import postmaster_pid
from tests.storage.embedded.client_process import fetch
from tests.storage.embedded.clients import (
    Client,
    is_alive,
    postmasters,
    processes_of,
    stays,
    supervisors,
    wait_until,
)
from tests.storage.embedded.conftest import clean_up, copy_root
from tests.support.embedded import root_in
from tests.support.processes import SECONDS, started

pytestmark = pytest.mark.slow

StartClient = Callable[..., Client]


def test_rows_survive_a_killed_server(root: Root) -> None:
    _keep_a_row(root)

    os.kill(postmasters(root)[0], signal.SIGKILL)

    assert _kept_row(root) == 7


def test_clients_of_a_killed_server_all_come_back_to_one_server(
    root: Root, client: StartClient
) -> None:
    clients = [client(root) for _ in range(3)]
    for each in clients:
        each.tell("fetch", "SELECT 1")
    os.kill(postmasters(root)[0], signal.SIGKILL)

    for each in clients:
        each.begin("fetch", "SELECT pg_postmaster_start_time()::text")

    assert len({each.finish() for each in clients}) == 1
    assert len(postmasters(root)) == 1


def test_a_server_is_taken_over_when_its_supervisor_was_killed(
    hasty_root: Root, client: StartClient
) -> None:
    present = client(hasty_root)
    present.tell("ensure")
    server, (supervisor,) = postmasters(hasty_root), supervisors(hasty_root)
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: not supervisors(hasty_root), "the supervisor is gone")

    assert present.tell("fetch", "SELECT 1") == 1

    wait_until(lambda: supervisors(hasty_root), "there is another supervisor")
    assert postmasters(hasty_root) == server
    present.leave()
    wait_until(lambda: not processes_of(hasty_root), "the new supervisor stops the server")


def test_a_server_without_a_supervisor_can_be_stopped(root: Root) -> None:
    ensure(root)
    os.kill(supervisors(root)[0], signal.SIGKILL)
    wait_until(lambda: not supervisors(root), "the supervisor is gone")

    assert stop(root) is True
    assert not processes_of(root)


def test_rows_survive_when_supervisor_and_server_were_killed(root: Root) -> None:
    _keep_a_row(root)

    for pid in (*supervisors(root), *postmasters(root)):
        os.kill(pid, signal.SIGKILL)

    assert _kept_row(root) == 7


def test_a_server_that_is_dead_but_not_buried_is_not_taken_for_a_live_one(root: Root) -> None:
    with _server_as_child(root) as server:
        server.kill()
        wait_until(lambda: _state(server.pid) == "Z", "the server is a zombie")

        assert fetch(ensure(root), "SELECT 1") == 1
        assert _state(server.pid) == "Z"


def test_a_live_process_that_got_the_number_of_a_killed_server_is_let_alone(root: Root) -> None:
    _leave_traces_of_a_killed_server(root)
    with _foreign_process(root) as foreign:
        _put_number(root, foreign.pid)

        assert fetch(ensure(root), "SELECT 1") == 1
        assert foreign.poll() is None
        stop(root)
        assert foreign.poll() is None


def test_the_server_of_another_root_that_got_the_number_is_let_alone(
    root: Root, made_root: Root, folder: Path
) -> None:
    other = root_in(folder / "other")
    copy_root(made_root, other)
    try:
        ensure(other)
        _leave_traces_of_a_killed_server(root)
        (number,) = postmasters(other)
        _put_number(root, number)

        assert fetch(ensure(root), "SELECT 1") == 1
        assert postmasters(other) == [number]
    finally:
        clean_up(other)


@pytest.mark.parametrize("content", ["", "\n", "4194200", "nonsense\n\n", "-7\n", "1\n/else\n"])
def test_a_damaged_pid_file_does_not_matter(content: str, root: Root) -> None:
    root.data(18).joinpath("postmaster.pid").write_text(content)

    assert fetch(ensure(root), "SELECT 1") == 1


def test_a_working_session_of_a_killed_server_is_waited_for(root: Root) -> None:
    connection = ensure(root)

    asyncio.run(_kill_the_server_under_a_busy_session(root, connection))

    assert fetch(ensure(root), "SELECT 1") == 1
    assert "is still in use" in root.log.read_text(), "the session ended too soon to try anything"


def test_the_server_is_found_whatever_the_supervisor_lock_says(root: Root) -> None:
    root.supervisor_lock.write_text(str(os.getpid()))

    assert stop(root) is False
    assert fetch(ensure(root), "SELECT 1") == 1


@pytest.mark.parametrize("also_initdb", [False, True])
def test_a_first_start_that_was_killed_is_begun_anew(
    also_initdb: bool, new_root: Root, client: StartClient
) -> None:
    starter = client(new_root)
    starter.begin("ensure")
    wait_until(lambda: list(new_root.path.glob(".init-*/data/base")), "initdb is at work")

    starter.kill()
    if also_initdb:
        for pid in processes_of(new_root):
            _kill_with_its_memory(pid)

    assert fetch(ensure(new_root), "SELECT 1") == 1
    wait_until(lambda: processes_of(new_root).keys() == _serving(new_root), "initdb is gone")
    stop(new_root)
    ensure(new_root)
    assert list(new_root.path.glob(".init-*")) == []


def test_programs_that_were_half_staged_are_removed(root: Root) -> None:
    half = root.path / ".stage-half"
    half.mkdir()

    ensure(root)

    assert not half.exists()


def test_a_client_killed_while_it_starts_the_server_holds_nobody_up(
    root: Root, client: StartClient
) -> None:
    starter = client(root)
    starter.begin("ensure")
    wait_until(lambda: is_locked(root.start_lock), "the client starts the server")

    starter.kill()

    assert fetch(ensure(root), "SELECT 1") == 1
    assert len(postmasters(root)) == 1


def test_a_root_removed_under_a_running_server_is_made_anew_by_a_new_process(
    root: Root, client: StartClient
) -> None:
    ensure(root)
    (old,) = postmasters(root)
    shutil.rmtree(root.path)

    with pytest.raises(DataAway, match="start promptstack anew"):
        ensure(root)
    assert not root.path.exists()
    assert client(root).tell("fetch", "SELECT 1") == 1

    wait_until(lambda: not is_alive(old), "the server of the removed folder is gone")
    assert len(postmasters(root)) == 1


def test_a_removed_socket_folder_is_made_anew(root: Root) -> None:
    _keep_a_row(root)
    shutil.rmtree(root.sockets)

    assert _kept_row(root) == 7


@pytest.mark.parametrize("is_running", [False, True])
def test_a_lost_password_is_replaced(is_running: bool, root: Root) -> None:
    _keep_a_row(root)
    lost = root.password.read_text()
    if not is_running:
        stop(root)
    root.password.unlink()

    assert _kept_row(root) == 7
    assert root.password.read_text() != lost
    assert root.password.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\x00garbage\n", b"two words"])
@pytest.mark.parametrize("is_running", [False, True])
def test_what_cannot_be_a_password_is_replaced(
    content: bytes, is_running: bool, root: Root
) -> None:
    _keep_a_row(root)
    if not is_running:
        stop(root)
    root.password.write_bytes(content)

    assert _kept_row(root) == 7
    assert len(root.password.read_bytes()) > 30


def test_a_server_that_cannot_start_says_why_at_once(root: Root) -> None:
    root.data(18).joinpath("postgresql.auto.conf").write_text("nonsense = 1\n")
    began_at = time.monotonic()

    with pytest.raises(EmbeddedError, match='unrecognized configuration parameter "nonsense"'):
        ensure(root)

    assert time.monotonic() - began_at < 10
    assert not processes_of(root)


def test_a_frozen_supervisor_does_not_stop_clients_from_joining(
    root: Root, client: StartClient
) -> None:
    ensure(root)
    (supervisor,) = supervisors(root)
    os.kill(supervisor, signal.SIGSTOP)
    try:
        assert client(root).tell("fetch", "SELECT 1") == 1
    finally:
        os.kill(supervisor, signal.SIGCONT)


def test_a_presence_file_that_goes_while_they_are_counted_is_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr("os.listdir", lambda folder: ["gone"])
    assert presence.count_clients(tmp_path) == 0


def test_an_old_presence_file_keeps_nobody(root: Root, client: StartClient) -> None:
    hasty = replace(root, idle_seconds=0.2)
    present = client(hasty)
    present.tell("ensure")
    (hasty.clients / f"{os.getpid()}-dead").touch()

    wait_until(lambda: status(hasty).clients == 1, "the dead presence isn't counted")
    assert stays(lambda: postmasters(hasty), seconds=0.4)
    present.leave()
    wait_until(lambda: not processes_of(hasty), "the server is gone")


def _keep_a_row(root: Root) -> None:
    fetch(ensure(root), "CREATE TABLE kept AS SELECT 7 AS number")


def _kept_row(root: Root) -> object:
    return fetch(ensure(root), "SELECT number FROM kept")


def _serving(root: Root) -> set[int]:
    return {*postmasters(root), *supervisors(root)}


def _kill_with_its_memory(pid: int) -> None:
    """Kill a server whose data goes with it, so nobody else will remove its shared memory."""
    with suppress(ProcessLookupError, FileNotFoundError):
        os.kill(pid, signal.SIGSTOP)
        mapped = re.findall(r"/dev/shm/PostgreSQL\.\d+", Path(f"/proc/{pid}/maps").read_text())
        os.kill(pid, signal.SIGKILL)
        for segment in set(mapped):
            Path(segment).unlink(missing_ok=True)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@contextmanager
def _server_as_child(root: Root) -> Iterator[Popen[bytes]]:
    """Run the server as a child that only this process can bury."""
    from storage.embedded.cluster import server_command

    installation = prepare(root)
    program, *options = server_command(root, installation.binaries)
    with started(
        [program, "-D", str(installation.data), *options],
        cwd=installation.data,
        env=ENVIRONMENT,
        stderr=DEVNULL,
        **installation.account.identity(),
    ) as server:
        name = root.owner.name
        wait_until(
            lambda: postmaster_pid(name, installation.data), "the server has made its pid file"
        )
        wait_until(lambda: status(root).running, "the server answers")
        yield server


@contextmanager
def _foreign_process(root: Root) -> Iterator[Popen[bytes]]:
    """Run something else as the account of the server, which may then send it signals."""
    with started(["sleep", "1000"], cwd="/", **prepare(root).account.identity()) as sleeper:
        yield sleeper


def _leave_traces_of_a_killed_server(root: Root) -> None:
    ensure(root)
    for pid in (*supervisors(root), *postmasters(root)):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not processes_of(root), "they are gone")


def _put_number(root: Root, number: int) -> None:
    for file in (root.data(18) / "postmaster.pid", root.sockets / ".s.PGSQL.5432.lock"):
        file.write_text(f"{number}\n{file.read_text().partition(chr(10))[2]}")


async def _kill_the_server_under_a_busy_session(root: Root, connection: ConnInfo) -> None:
    session = await asyncpg.connect(
        host=connection.host,
        user=connection.user,
        password=connection.password,
        database=connection.database,
    )
    # A session that computes doesn't look whether its server lives.
    work = asyncio.create_task(session.execute("SELECT FROM generate_series(1, 10000000)"))
    async with asyncio.timeout(SECONDS):
        while not await _is_busy(connection):
            await asyncio.sleep(0.005)
    os.kill(postmasters(root)[0], signal.SIGKILL)
    session.terminate()
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await work


async def _is_busy(connection: ConnInfo) -> bool:
    session = await asyncpg.connect(
        host=connection.host,
        user=connection.user,
        password=connection.password,
        database=connection.database,
    )
    try:
        return bool(
            await session.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%generate_series%' "
                "AND pid <> pg_backend_pid()"
            )
        )
    finally:
        await session.close()
