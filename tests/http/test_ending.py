"""Being stopped: what is on its way is answered, and what would last is sent elsewhere."""

import asyncio
import socket

import anyio
import pytest
import uvicorn
from mcp import Client
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from mcp_server.doors import Door, Doors
from mcp_server.http import bodies, wire
from mcp_server.http.requests import Requests
from mcp_server.http.running import configure
from tests.support.processes import SECONDS
from tests.support.serving import serving

ASK = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


def doors(app):
    return Doors([Door(app=app, paths=("/",))])


@pytest.fixture
async def served(database_url):
    async with serving(database_url) as running:
        yield running


async def test_a_session_is_answered_until_the_server_is_gone(served):
    async with Client(f"{served.url}/mcp", mode="legacy", read_timeout_seconds=SECONDS) as client:
        assert (await client.list_prompts()).prompts == []
        await served.application.drain()
        await served.client.post("/prompts", json={"name": "late", "template": "x"})
        assert [prompt.name for prompt in (await client.list_prompts()).prompts] == ["late"]


async def test_whoever_wants_to_listen_then_is_sent_elsewhere(served):
    async with Client(f"{served.url}/mcp", mode="auto", read_timeout_seconds=SECONDS) as client:
        await served.application.drain()
        with anyio.fail_after(SECONDS):
            async with client.listen(prompts_list_changed=True) as heard:
                assert [event async for event in heard] == []
    stream = await served.client.get("/mcp", headers={"accept": "text/event-stream"})
    assert stream.status_code == 503
    assert stream.headers["retry-after"] == "1"


@pytest.mark.parametrize("path", ["/prompts", "/import?format=json"])
async def test_a_body_that_never_ends_doesnt_hold_up_the_end(served, monkeypatch, path):
    monkeypatch.setattr(bodies, "LAST_SECONDS", 0.1)
    host, port = served.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
    writer.write(head.encode() + b"content-length: 100\r\nexpect: 100-continue\r\n\r\n")
    # The server says so once somebody waits for the body.
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
    writer.write(b'{"name":')
    async with asyncio.timeout(SECONDS):
        await served.application.drain()
        answer = await reader.readuntil(b"is ending")
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1" in answer
    writer.close()
    await writer.wait_closed()


async def test_what_the_web_server_gives_up_at_its_end_is_answered_and_no_fault(caplog):
    async def hang(scope, receive, send):
        await anyio.sleep_forever()

    sent = []

    async def send(message):
        sent.append(message)

    requests = Requests(hang, doors(hang), lambda *_: None)
    scope = {"type": "http", "method": "GET", "path": "/slow", "headers": []}
    running = asyncio.create_task(requests(scope, None, send))
    ending = asyncio.create_task(requests.idle())
    await anyio.wait_all_tasks_blocked()
    running.cancel()
    await running
    await ending
    assert sent[0]["status"] == 503
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_what_is_cancelled_before_the_end_stays_cancelled():
    async def hang(scope, receive, send):
        await anyio.sleep_forever()

    requests = Requests(hang, doors(hang), lambda *_: None)
    scope = {"type": "http", "method": "GET", "path": "/slow", "headers": []}
    running = asyncio.create_task(requests(scope, None, None))
    await anyio.wait_all_tasks_blocked()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.fixture
async def wired(monkeypatch):
    """A web server, and a connection to it that has been used and is idle."""
    monkeypatch.setattr(wire, "LAST_SECONDS", 60.0)
    app = Starlette(routes=[Route("/", _answer)])
    server = uvicorn.Server(configure(app))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        running = asyncio.create_task(server._serve([listening]))
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        writer.write(ASK)
        assert b"connection: close" not in await reader.readuntil(b"answered")
        yield server, reader, writer
        writer.close()
        await writer.wait_closed()
        async with asyncio.timeout(SECONDS):
            await running


async def _answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse("answered")


async def test_a_request_that_was_on_its_way_is_answered_and_ends_its_connection(wired):
    server, reader, writer = wired
    connection = next(iter(server.server_state.connections))
    server.should_exit = True
    async with asyncio.timeout(SECONDS):
        while not connection._is_ending:
            await asyncio.sleep(0)
        writer.write(ASK)
        rest = await reader.read()
    assert b"connection: close" in rest
    assert rest.endswith(b"answered")


async def test_an_idle_connection_is_closed_after_a_moment(wired, monkeypatch):
    server, reader, _ = wired
    monkeypatch.setattr(wire, "LAST_SECONDS", 0.05)
    server.should_exit = True
    async with asyncio.timeout(SECONDS):
        assert await reader.read() == b""
