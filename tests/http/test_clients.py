"""What one client may hold open, so that it can't take all of it from the others."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import anyio
import httpx2
import pytest
from mcp import Client

from mcp_server.http import clients
from mcp_server.http.clients import ClientGuard, client_of
from tests.rest.checking import problem
from tests.support.processes import SECONDS
from tests.support.serving import serving

LISTEN = ("mcp-method", "subscriptions/listen")


class Manager:
    """Stands for the SDK's manager of sessions: opens them, keeps streams until it is told."""

    def __init__(self):
        self.number = 0
        self.release = asyncio.Event()

    async def __call__(self, scope, receive, send):
        headers = dict(scope["headers"])
        status, added = 200, []
        if scope["method"] == "GET" or headers.get(b"mcp-method") == b"subscriptions/listen":
            await self.release.wait()
        elif b"mcp-session-id" not in headers:
            self.number += 1
            added = [(b"mcp-session-id", b"%d" % self.number)]
        elif headers[b"mcp-session-id"] == b"gone":
            status = 404
        await send({"type": "http.response.start", "status": status, "headers": added})
        await send({"type": "http.response.body", "body": b""})


async def ask(guard, method="POST", *headers, address="192.0.2.1"):
    """Send a request; return its status and the session that it opened."""
    sent = []

    async def send(message):
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers]
    scope = {
        "type": "http", "method": method, "path": "/mcp", "headers": raw, "client": (address, 1),
    }  # fmt: skip
    await guard(scope, None, send)
    return sent[0]["status"], dict(sent[0]["headers"]).get(b"mcp-session-id", b"").decode()


@asynccontextmanager
async def held(guard, *requests):
    """Keep streams open while the block runs."""
    async with anyio.create_task_group() as tasks:
        for request in requests:
            tasks.start_soon(lambda request=request: ask(guard, *request))
        await anyio.wait_all_tasks_blocked()
        yield
        tasks.cancel_scope.cancel()


def guard_of(manager, streams=2, sessions=2, idle=60.0):
    return ClientGuard(manager, most_streams=streams, most_sessions=sessions, idle_seconds=idle)


@pytest.mark.parametrize("stream", [("GET",), ("POST", LISTEN)])
async def test_streams_of_one_client_are_bounded_and_others_are_served(stream):
    manager = Manager()
    guard = guard_of(manager)
    async with held(guard, stream, stream):
        assert (await ask(guard, *stream))[0] == 429
        assert (await ask(guard, "POST"))[0] == 200
        manager.release.set()
        assert (await ask(guard, *stream, address="192.0.2.2"))[0] == 200
    # Those that have ended, by whatever end, don't count.
    assert (await ask(guard, *stream))[0] == 200


async def test_sessions_of_one_client_are_bounded_and_others_are_served():
    guard = guard_of(Manager())
    _, first = await ask(guard)
    await ask(guard)
    assert (await ask(guard))[0] == 429
    assert (await ask(guard, "POST", ("mcp-protocol-version", "2025-06-18")))[0] == 429
    assert (await ask(guard, address="192.0.2.2"))[0] == 200
    # Requests of a session, and of the later protocol, open none.
    assert (await ask(guard, "POST", ("mcp-session-id", first)))[0] == 200
    assert (await ask(guard, "POST", ("mcp-protocol-version", "2026-07-28")))[0] == 200
    assert (await ask(guard, "DELETE", ("mcp-session-id", first)))[0] == 200
    assert (await ask(guard))[0] == 200
    assert (await ask(guard))[0] == 429


async def test_a_session_that_isnt_there_any_more_doesnt_count():
    class Forgetful(Manager):
        async def __call__(self, scope, receive, send):
            await send(
                {"type": "http.response.start", "status": self.status, "headers": self.added}
            )

    manager = Forgetful()
    guard = guard_of(manager, sessions=1)
    manager.status, manager.added = 200, [(b"mcp-session-id", b"1")]
    await ask(guard)
    manager.status, manager.added = 404, []
    assert (await ask(guard, "POST", ("mcp-session-id", "1")))[0] == 404
    manager.status = 200
    assert (await ask(guard))[0] == 200


async def test_a_refused_opening_isnt_counted():
    async def refuse(scope, receive, send):
        headers = [(b"mcp-session-id", b"1")]
        await send({"type": "http.response.start", "status": 400, "headers": headers})

    guard = guard_of(refuse, sessions=1)
    for _ in range(3):
        assert (await ask(guard))[0] == 400


async def test_an_idle_session_doesnt_count_and_one_with_a_stream_does(monkeypatch):
    now = 0.0
    monkeypatch.setattr(clients, "_now", lambda: now)
    manager = Manager()
    guard = guard_of(manager, sessions=2, idle=60.0)
    _, streamed = await ask(guard)
    _, idle = await ask(guard)
    async with held(guard, ("GET", ("mcp-session-id", streamed))):
        now = 59.0
        await ask(guard, "POST", ("mcp-session-id", idle))
        now = 61.0
        assert (await ask(guard))[0] == 429
        now = 120.0
        assert (await ask(guard))[0] == 200
        assert (await ask(guard))[0] == 429
    now = 300.0
    assert [(await ask(guard))[0] for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
    ],
)
def test_a_client_is_an_address_or_the_network_that_one_customer_is_given(address, client):
    assert client_of({"client": (address, 1)}) == client


def test_a_client_without_an_address_is_one_too():
    assert client_of({"client": None}) == ""


async def test_a_client_that_listens_too_often_is_told_so_and_another_isnt(database_url):
    async with serving(database_url, max_streams_per_client=1) as served:
        client = Client(f"{served.url}/mcp", mode="auto", read_timeout_seconds=SECONDS)
        async with client, client.listen(prompts_list_changed=True):
            refused = await served.client.get("/mcp", headers={"accept": "text/event-stream"})
            problem(refused, 429, "as many streams open as one address may: 1.")
            assert "PROMPTSTACK_MAX_STREAMS_PER_CLIENT" in refused.json()["detail"]
            # The tests' own machine is a proxy that is believed.
            told = {"accept": "text/event-stream", "x-forwarded-for": "192.0.2.9"}
            other = await served.client.get("/mcp", headers=told)
            assert other.status_code != 429


async def test_a_client_that_opens_too_many_sessions_is_told_so(database_url):
    async with (
        serving(database_url, max_sessions_per_client=2) as served,
        AsyncExitStack() as open_,
    ):
        url = f"{served.url}/mcp"
        for _ in range(2):
            client = Client(url, mode="legacy", read_timeout_seconds=SECONDS)
            await open_.enter_async_context(client)
        body = {
            "jsonrpc": "2.0", "id": 1, "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25", "capabilities": {},
                "clientInfo": {"name": "x", "version": "1"},
            },
        }  # fmt: skip
        accept = {"accept": "application/json, text/event-stream"}
        problem(
            await served.client.post("/mcp", json=body, headers=accept),
            429,
            "as many sessions open as one address may: 2.",
        )
        await open_.aclose()
        # Clients say goodbye.
        async with httpx2.AsyncClient(trust_env=False) as client:
            assert (await client.post(url, json=body, headers=accept)).status_code == 200
