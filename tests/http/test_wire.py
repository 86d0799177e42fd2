"""Heads of requests that don't end, or not in time."""

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from mcp_server.http import wire
from mcp_server.http.running import configure


async def _length(request):
    return PlainTextResponse(str(len(await request.body())))


@asynccontextmanager
async def connected():
    """A web server, and a connection to it."""
    app = Starlette(routes=[Route("/", _length, methods=["POST"])])
    server = uvicorn.Server(configure(app))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        running = asyncio.create_task(server._serve([listening]))
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        try:
            async with asyncio.timeout(30):
                yield reader, writer
        finally:
            writer.close()
            server.should_exit = True
            await asyncio.wait_for(running, 30)


@pytest.mark.parametrize("line", [b"a: b\r\n", b"x"])
async def test_a_head_without_an_end_is_refused(line):
    async with connected() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\nx: ")
        writer.write(line * (wire.HEAD_BYTES // len(line)))
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 431 ")


async def test_a_long_body_is_no_long_head():
    body = b"x" * (3 * wire.HEAD_BYTES)
    head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body)
    async with connected() as (reader, writer):
        for _ in range(2):
            writer.write(head + body)
            assert (await reader.readuntil(b"%d" % len(body))).startswith(b"HTTP/1.1 200 ")


async def test_a_head_that_takes_too_long_ends_the_connection(monkeypatch):
    monkeypatch.setattr(wire, "HEAD_SECONDS", 0.05)
    async with connected() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\n")
        assert await reader.read() == b""
