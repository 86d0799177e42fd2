"""Who may get at the database, and what may not be touched to run it."""

import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from storage.embedded.accounts import server_account
from storage.embedded.errors import EmbeddedError
from storage.embedded.lifecycle import ensure
from storage.embedded.paths import Root
from tests.storage.embedded.client_process import fetch
from tests.storage.embedded.clients import (
    Client,
    parent_of,
    postmasters,
    python_for_all,
    supervisors,
)
from tests.storage.embedded.conftest import clean_up, copy_root
from tests.support.embedded import OWNER, root_in
from tests.support.processes import run

pytestmark = pytest.mark.slow

StartClient = Callable[..., Client]

_CONNECT = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


def test_only_its_account_gets_at_the_socket_and_only_its_owner_at_the_password(
    root: Root,
) -> None:
    ensure(root)

    assert _mode(root.sockets) == 0o700
    assert _mode(root.password) == 0o600
    assert _mode(root.clients) == 0o700
    assert _mode(root.data(18)) == 0o700
    assert root.password.stat().st_uid == os.geteuid()
    for file in (root.log, root.supervisor_log, root.start_lock, root.supervisor_lock):
        assert _mode(file) == 0o600


def test_a_root_that_others_can_write_to_is_closed(root: Root) -> None:
    root.path.chmod(0o777)

    ensure(root)

    assert _mode(root.path) == (0o711 if os.geteuid() == 0 else 0o700)


def test_a_wrong_password_is_refused(root: Root) -> None:
    wrong = replace(ensure(root), password="wrong")

    with pytest.raises(asyncpg.InvalidPasswordError):
        fetch(wrong, "SELECT 1")


def test_no_password_reaches_a_log_line(root: Root) -> None:
    connection = ensure(root)

    assert connection.password not in repr(connection)


def test_the_server_listens_to_no_network(root: Root) -> None:
    connection = ensure(root)

    assert fetch(connection, "SHOW listen_addresses") == ""
    assert fetch(connection, "SELECT inet_server_addr() IS NULL") is True
    assert not _sockets(postmasters(root)[0]) & _network_sockets()


def test_what_is_committed_is_on_disk(root: Root) -> None:
    connection = ensure(root)

    settings = ("fsync", "synchronous_commit", "full_page_writes", "data_checksums")
    assert {name: fetch(connection, f"SHOW {name}") for name in settings} == dict.fromkeys(
        settings, "on"
    )


@as_root
def test_another_user_cannot_connect(root: Root) -> None:
    connection = ensure(root)

    path = f"{connection.host}/.s.PGSQL.{connection.port}"
    done = run(
        [python_for_all(), "-c", _CONNECT, path],
        user=65534,
        group=65534,
        extra_groups=[],
        cwd="/",
        text=True,
    )

    assert done.stderr.rstrip().endswith("Permission denied")


@as_root
def test_the_root_of_another_user_is_refused(root: Root) -> None:
    os.chown(root.path, 65534, 65534)
    try:
        with pytest.raises(EmbeddedError, match="belongs to user id 65534"):
            ensure(root)
    finally:
        os.chown(root.path, 0, 0)


@as_root
def test_a_folder_the_servers_account_cannot_reach_is_refused_and_left_as_it_is(
    folder: Path,
) -> None:
    private = folder / "private"
    private.mkdir(mode=0o700)

    with pytest.raises(EmbeddedError, match=f"may not pass '{private}'.*PROMPTSTACK_DATA_DIR"):
        ensure(root_in(private / "data"))

    assert _mode(private) == 0o700


@as_root
def test_the_server_runs_as_the_owner_of_its_data(root: Root) -> None:
    ensure(root)

    (server,), (supervisor,) = postmasters(root), supervisors(root)
    assert Path(f"/proc/{server}").stat().st_uid == root.data(18).stat().st_uid != 0
    assert Path(f"/proc/{supervisor}").stat().st_uid == 0


def test_a_socket_folder_made_by_somebody_else_is_refused(folder: Path, made_root: Root) -> None:
    root = root_in(folder / ("x" * 120))
    copy_root(made_root, root)
    root.sockets.symlink_to(folder)
    try:
        with pytest.raises(EmbeddedError, match="somebody else made it"):
            ensure(root)
    finally:
        root.sockets.unlink()
        clean_up(root)


def test_a_client_sees_its_output_closed_when_it_leaves_though_the_server_runs_on(
    root: Root, client: StartClient
) -> None:
    starter = client(root)
    starter.tell("ensure")

    starter.kill()

    assert starter.output.read() == ""
    assert postmasters(root)
    assert supervisors(root)


def test_the_supervisor_holds_nothing_of_the_client_that_started_it(
    root: Root, client: StartClient
) -> None:
    starter = client(root)
    starter.tell("ensure")

    for pid in supervisors(root):
        assert not _open_pipes(pid) & _open_pipes(starter.pid)
        assert parent_of(pid) != starter.pid
        assert os.getsid(pid) != os.getsid(starter.pid)


def test_a_user_without_an_entry_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 987_654)

    with pytest.raises(EmbeddedError, match=r"user id 987654.*DATABASE_URL"):
        server_account(OWNER)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def _open_pipes(pid: int) -> set[str]:
    names = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        names.add(os.readlink(entry))
    return {name for name in names if name.startswith("pipe:")}


def _sockets(pid: int) -> set[str]:
    links = [os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    return {link[len("socket:[") : -1] for link in links if link.startswith("socket:")}


def _network_sockets() -> set[str]:
    tables = [Path("/proc/net", name) for name in ("tcp", "tcp6", "udp", "udp6")]
    lines = [line for table in tables if table.exists() for line in table.read_text().splitlines()]
    return {line.split()[9] for line in lines if not line.lstrip().startswith("sl")}
