"""Starting, joining and sharing one server."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
import sqlalchemy
from sqlalchemy.ext.asyncio import create_async_engine

from storage.embedded.lifecycle import ConnInfo, ensure
from storage.embedded.paths import Root
from tests.storage.embedded.client_process import fetch
from tests.storage.embedded.clients import Client, postmasters, supervisors
from tests.storage.embedded.conftest import clean_up, copy_root
from tests.support.embedded import root_in

pytestmark = pytest.mark.slow

StartClient = Callable[..., Client]


def test_ten_processes_that_start_at_once_share_one_server(
    new_root: Root, client: StartClient
) -> None:
    clients = [
        client(new_root, environment={"XDG_RUNTIME_DIR": f"/run/user/{number}"})
        for number in range(10)
    ]
    for each in clients:
        each.begin("fetch", "SELECT pg_postmaster_start_time()::text")

    answers = {each.finish() for each in clients}

    assert len(answers) == 1
    assert len(postmasters(new_root)) == 1
    assert len(supervisors(new_root)) == 1


def test_a_running_server_is_joined(root: Root, client: StartClient) -> None:
    ensure(root)
    before = postmasters(root)

    assert client(root).tell("fetch", "SELECT 1") == 1
    assert postmasters(root) == before


def test_the_server_lives_on_when_the_client_that_started_it_leaves(
    root: Root, client: StartClient
) -> None:
    starter, other = client(root), client(root)
    starter.tell("fetch", "CREATE TABLE kept AS SELECT 7 AS number")
    other.tell("ensure")
    before = postmasters(root)

    starter.leave()

    assert other.tell("fetch", "SELECT number FROM kept") == 7
    assert postmasters(root) == before


def test_letters_beyond_ascii_change_case_though_the_first_client_has_no_locale(
    new_root: Root, client: StartClient
) -> None:
    started_bare = client(new_root)

    assert started_bare.tell("fetch", "SELECT lower('ÄÖÜ')") == "äöü"
    assert started_bare.tell("fetch", "SELECT 'ÄÖ' ILIKE 'äö'") is True


def test_a_cluster_is_made_and_served_in_a_folder_with_an_awkward_name(folder: Path) -> None:
    root = root_in(folder / 'it\'s a "Bücher", folder: 100% $HOME')
    try:
        _check_answers(root)
    finally:
        clean_up(root)


@pytest.mark.parametrize("name", ["a b", "o'\"x", "Bücher", "a,b", "a:b%2F@c", "x" * 120])
def test_a_cluster_is_served_in_a_folder_whatever_its_name(
    name: str, folder: Path, made_root: Root
) -> None:
    root = root_in(folder / name)
    copy_root(made_root, root)
    try:
        _check_answers(root)
    finally:
        clean_up(root)


def test_two_spellings_of_one_folder_are_one_root(folder: Path) -> None:
    (folder / "real").mkdir()
    (folder / "link").symlink_to("real")

    assert root_in(folder / "link") == root_in(folder / "real" / ".." / "real")
    assert root_in(Path("~/data")) == root_in(Path.home() / "data")


def test_a_socket_whose_name_would_be_too_long_is_put_elsewhere(folder: Path) -> None:
    sockets = root_in(folder / ("x" * 120)).sockets

    assert len(os.fsencode(sockets)) < 80
    assert sockets != root_in(folder / ("y" * 120)).sockets


def _check_answers(root: Root) -> None:
    connection = ensure(root)
    assert fetch(connection, "SELECT 1") == 1
    assert asyncio.run(_fetch_through_sqlalchemy(_url(connection))) == 1


def _url(connection: ConnInfo) -> str:
    query = urlencode({"host": connection.host, "port": connection.port})
    login = f"{quote(connection.user)}:{quote(connection.password, safe='')}"
    return f"postgresql+asyncpg://{login}@/{quote(connection.database)}?{query}"


async def _fetch_through_sqlalchemy(url: str) -> object:
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            return await connection.scalar(sqlalchemy.text("SELECT 1"))
    finally:
        await engine.dispose()
