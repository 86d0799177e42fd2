import asyncio
import math
import socket
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from storage.connectors import UrlConnector
from storage.urls import seconds_of_environment
from storage.values.errors import Invalid, Unavailable
from tests.support.network import Network


@pytest.fixture
async def silent_port() -> AsyncIterator[int]:
    """The port of somebody who takes connections and never says a word."""
    callers = []
    mute = await asyncio.start_server(lambda _, writer: callers.append(writer), "127.0.0.1", 0)
    yield mute.sockets[0].getsockname()[1]
    mute.close()
    for caller in callers:
        caller.transport.abort()


def _beside(url: str, *others: str) -> str:
    """Return the URL with other hosts before its own."""
    before, own = url.split("?host=")
    return f"{before}?host={','.join((*others, own))}"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://nobody:secret@127.0.0.1:1/none",
        "postgresql://nobody:secret@host.invalid/none",
        "postgresql://nobody:secret@127.0.0.1:1,127.0.0.1:2/none",
    ],
)
async def test_a_server_that_isnt_there_is_one_clear_line_without_the_password(url):
    with pytest.raises(Unavailable, match=r"Try again.*check DATABASE_URL") as caught:
        await UrlConnector(url).connect()
    assert "secret" not in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "mysql://nobody:secret@127.0.0.1/none",
        "postgresql://nobody:secret@127.0.0.1:notaport/none",
        "postgresql://nobody:secret@127.0.0.1:0/none",
        "postgresql://nobody:sec#secret@127.0.0.1/none",
        "postgresql://nobody:sec/secret@127.0.0.1/none",
        "postgresql://nobody:sec?secret@127.0.0.1/none",
        "postgresql://nobody:[secret@127.0.0.1/none",
        "postgresql://nobody:secret@a,b/none?port=1,2,3",
        "postgresql://nobody:secret@a,,b/none",
        "postgresql://nobody:secret@a/none?target_session_attrs=secretary",
        "host=127.0.0.1 user=nobody password=secret",
    ],
)
def test_a_value_that_is_no_url_is_a_fault_of_the_settings(url):
    with pytest.raises(Invalid) as caught:
        UrlConnector(url)
    assert caught.value.message.startswith("Check DATABASE_URL: '")
    assert "Try again" not in caught.value.message
    assert "secret" not in caught.value.message.replace("secretary", "")
    assert "DATABASE_URL" in caught.value.fields


_UNENCODED = "a '#', '?', '/' or '@' in a password has to be percent-encoded"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://h/d", "it doesn't begin with postgresql://"),
        ("postgresql:h", "it doesn't begin with postgresql://"),
        ("postgresql://u:a#b@h/d", _UNENCODED),
        ("postgresql://u:1/2@h/d", _UNENCODED),
    ],
)
def test_what_is_wrong_with_a_url_is_said(url, reason):
    with pytest.raises(Invalid) as caught:
        UrlConnector(url)
    assert caught.value.fields == {"DATABASE_URL": reason}


async def test_an_option_that_the_driver_refuses_is_a_fault_of_the_settings():
    with pytest.raises(Invalid, match=r"^Check DATABASE_READ_URL: .*sslmode"):
        await UrlConnector(
            "postgresql://nobody@127.0.0.1:1/none?sslmode=sometimes", variable="DATABASE_READ_URL"
        ).connect()


async def test_what_the_server_refuses_is_to_be_checked_first(postgres):
    with pytest.raises(Unavailable, match=r"^Check DATABASE_URL: .*ps_not_there"):
        await UrlConnector(postgres.url("ps_not_there")).connect()


async def test_a_database_that_is_closed_for_a_while_may_be_tried_again(postgres, database_url):
    name = urlsplit(database_url).path.removeprefix("/")
    await postgres.freeze_template(name)
    with pytest.raises(Unavailable, match=r"not currently accepting connections\. Try again"):
        await UrlConnector(database_url).connect()


@pytest.mark.parametrize(
    ("url", "described"),
    [
        ("postgresql+asyncpg://u:p@h/d?sslmode=require", "'postgresql://h/d'"),
        ("postgres://u:p@h1:1,h2:2/d", "'postgresql://h1:1,h2:2/d'"),
        ("postgresql://u:p@/d?host=h1:1&host=h2:2", "'postgresql://h1:1,h2:2/d'"),
        ("postgresql://u:p@/d?host=h1,h2&port=1,2", "'postgresql://h1:1,h2:2/d'"),
        ("postgresql://u:p@/d?host=/run/pg&password=p", "'postgresql:///d?host=/run/pg'"),
        ("postgresql://u:p%40@[::1]:5/d", "'postgresql://[::1]:5/d'"),
    ],
)
def test_a_database_is_named_by_its_places_without_secrets(url, described):
    assert UrlConnector(url).describe() == described


async def test_options_for_other_clients_are_no_hindrance(database_url):
    for_others = "&channel_binding=prefer&pgbouncer=true&keepalives=1&ssl=disable"
    connection = await UrlConnector(f"{database_url}{for_others}").connect()
    assert await connection.fetchval("SHOW application_name") == "promptstack"
    await connection.close()


@pytest.mark.parametrize(
    ("option", "variable", "seconds"),
    [("", None, 5), ("?connect_timeout=1", "180", 1), ("", "2", 2)],
    ids=["by default", "by the URL", "by the environment"],
)
async def test_a_host_may_take_so_long_to_answer(
    silent_port, monkeypatch, option, variable, seconds
):
    if variable is None:
        monkeypatch.delenv("PGCONNECT_TIMEOUT")
    else:
        monkeypatch.setenv("PGCONNECT_TIMEOUT", variable)
    limits, limit = [], asyncio.timeout

    def at_once(given: float | None) -> asyncio.Timeout:
        limits.append(given)
        return limit(0 if given == seconds else given)

    monkeypatch.setattr("asyncio.timeout", at_once)
    with pytest.raises(Unavailable, match="no answer in time"):
        await UrlConnector(f"postgresql://u@127.0.0.1:{silent_port}/d{option}").connect()
    assert limits == [seconds]


async def test_a_host_that_never_answers_is_given_up(silent_port):
    began = time.monotonic()
    with pytest.raises(Unavailable, match="no answer in time"):
        url = f"postgresql://u@127.0.0.1:{silent_port}/d?connect_timeout=1"
        await UrlConnector(url).connect()
    assert time.monotonic() - began >= 1


def test_a_patience_that_is_no_number_is_refused(monkeypatch):
    with pytest.raises(Invalid, match="as its connect_timeout isn't a number of seconds"):
        UrlConnector("postgresql://u@h/d?connect_timeout=soon")
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "1.5")
    with pytest.raises(Invalid, match=r"^Check PGCONNECT_TIMEOUT: '1.5' isn't a number of seconds"):
        UrlConnector("postgresql://u@h/d")


@pytest.mark.parametrize(("written", "seconds"), [("", None), ("0", math.inf), ("-1", math.inf)])
def test_no_patience_is_the_usual_one_and_zero_is_for_ever(monkeypatch, written, seconds):
    monkeypatch.setenv("PGCONNECT_TIMEOUT", written)
    assert seconds_of_environment() == seconds


async def test_the_next_host_is_tried_and_tried_first_from_then_on(
    database_url, silent_port, monkeypatch
):
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "2")
    several = UrlConnector(_beside(database_url, "127.0.0.1:1", f"127.0.0.1:{silent_port}"))
    await (await several.connect()).close()
    began = time.monotonic()
    await (await several.connect()).close()
    assert time.monotonic() - began < 2


async def test_of_several_hosts_one_that_only_reads_isnt_taken_for_writing(database_url):
    only_reads = "&default_transaction_read_only=on"
    with pytest.raises(Unavailable, match="is not read-write now"):
        await UrlConnector(_beside(database_url, "127.0.0.1:1") + only_reads).connect()
    reader = UrlConnector(_beside(database_url, "127.0.0.1:1") + only_reads, session="any")
    await (await reader.connect()).close()


async def test_a_connection_over_a_network_doesnt_wait_for_ever_for_a_silent_machine(
    empty_database_url,
):
    """What the system is told; a machine without power can't be had for a test."""
    async with Network(empty_database_url) as network:
        connection = await UrlConnector(network.url).connect()
        try:
            told = connection._transport.get_extra_info("socket")
            assert told.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                assert told.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
        finally:
            await connection.close()
