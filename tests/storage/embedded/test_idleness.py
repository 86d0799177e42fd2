"""Who keeps a server running, and who stops it."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace

import pytest

from storage.embedded.lifecycle import ensure, status, stop
from storage.embedded.paths import Root
from tests.storage.embedded.clients import (
    Client,
    postmasters,
    processes_of,
    run_arrivals,
    stays,
    wait_until,
)

pytestmark = pytest.mark.slow

StartClient = Callable[..., Client]


def test_the_server_stops_some_time_after_the_last_client_left(
    hasty_root: Root, client: StartClient
) -> None:
    only = client(hasty_root)
    only.tell("ensure")
    assert postmasters(hasty_root)

    only.leave()

    wait_until(lambda: not processes_of(hasty_root), "the server and its supervisor are gone")
    assert list(hasty_root.clients.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_server_stops_after_its_owner_was_killed(
    number: int, hasty_root: Root, client: StartClient
) -> None:
    owner = client(hasty_root)
    owner.tell("ensure")

    owner.kill(number)

    wait_until(lambda: not processes_of(hasty_root), "the server and its supervisor are gone")


def test_a_client_that_does_nothing_keeps_the_server(root: Root, client: StartClient) -> None:
    hasty = replace(root, idle_seconds=0.1)
    idle, other = client(hasty), client(hasty)
    idle.tell("ensure")
    other.tell("ensure")
    before = postmasters(hasty)

    other.leave()

    assert stays(lambda: postmasters(hasty) == before, seconds=0.8)
    assert status(hasty).clients == 1


def test_a_forked_child_keeps_the_server_by_itself(root: Root, client: StartClient) -> None:
    hasty = replace(root, idle_seconds=0.1)
    parent = client(hasty)
    parent.tell("ensure")
    child = parent.tell("fork_and_ensure")
    try:
        assert status(hasty).clients == 2
        parent.kill()
        wait_until(lambda: status(hasty).clients == 1, "the parent is seen to be gone")
        assert stays(lambda: postmasters(hasty), seconds=0.5)
    finally:
        os.kill(child, signal.SIGKILL)
    wait_until(lambda: not processes_of(hasty), "the server is gone with the child")


def test_clients_that_arrive_as_the_server_stops_all_work_at_the_first_try(root: Root) -> None:
    hasty = replace(root, idle_seconds=0.1)

    run_arrivals(hasty, 15)

    stops = hasty.path.joinpath("supervisor.log").read_text().count("nobody has been here")
    assert stops > 0, "no server stopped, so nothing was tried"


def test_stopping_stops_it_whoever_is_there(root: Root, client: StartClient) -> None:
    present = client(root)
    present.tell("ensure")

    assert stop(root) is True
    assert processes_of(root).keys() <= {present.pid}
    assert present.tell("fetch", "SELECT 1") == 1


def test_stopping_what_does_not_run_does_nothing(root: Root, new_root: Root) -> None:
    assert stop(root) is False
    assert stop(replace(new_root, path=new_root.path / "nowhere")) is False
    assert not (new_root.path / "nowhere").exists()


def test_status_tells_what_runs(root: Root, client: StartClient) -> None:
    client(root).tell("ensure")

    seen = status(root)

    assert seen.running
    assert [seen.pid] == postmasters(root)
    assert seen.clients == 1
    assert seen.data_dir == root.data(18)
    assert seen.socket_dir == root.sockets
    assert seen.version is not None
    assert seen.version.startswith("18.")
    assert seen.size > 10_000_000
    assert "ready to accept connections" in seen.log_tail


def test_status_of_an_empty_root_makes_nothing(new_root: Root) -> None:
    seen = status(new_root)

    assert (seen.running, seen.pid, seen.version, seen.data_dir) == (False, None, None, None)
    assert (seen.clients, seen.size, seen.log_tail) == (0, 0, "")
    assert not new_root.path.exists()


def test_ensuring_twice_leaves_one_presence_file(root: Root) -> None:
    ensure(root)
    ensure(root)

    assert status(root).clients == 1
