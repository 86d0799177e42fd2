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
from tests.support.processes import SECONDS


async def _length(request):
    return PlainTextResponse(str(len(await request.body())))


@asynccontextmanager
async def connected(answer=None):
    """A web server, and a connection to it."""
    app = Starlette(routes=[Route("/", answer or _length, methods=["POST"])])
    server = uvicorn.Server(configure(app))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        running = asyncio.create_task(server._serve([listening]))
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        try:
            async with asyncio.timeout(SECONDS):
                yield reader, writer
        finally:
            writer.close()
            server.should_exit = True
            await asyncio.wait_for(running, SECONDS)


CHUNKED = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"


async def _fields(request):
    await request.body()
    return PlainTextResponse(",".join(sorted(request.headers)))


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


@pytest.mark.parametrize("line", [b"a: b\r\n", b"x"])
async def test_trailers_without_an_end_are_refused(line):
    begun = asyncio.Event()

    async def read(request):
        async for _ in request.stream():
            begun.set()

    async with connected(read) as (reader, writer):
        writer.write(CHUNKED + b"1\r\nx\r\n0\r\nx: ")
        await begun.wait()
        writer.write(line * (wire.HEAD_BYTES // len(line) + 1))
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 431 ")


async def test_trailers_dont_become_part_of_the_head():
    async with connected(_fields) as (reader, writer):
        for _ in range(2):
            writer.write(CHUNKED + b"1\r\nx\r\n0\r\nx-late: 1\r\nhost: other\r\n\r\n")
            answer = await reader.readuntil(b"host,transfer-encoding")
            assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_body_of_many_small_chunks_is_no_long_head():
    chunks = 3 * wire.HEAD_BYTES // 6
    async with connected() as (reader, writer):
        writer.write(CHUNKED + b"1\r\nx\r\n" * chunks + b"0\r\n\r\n")
        assert (await reader.readuntil(b"%d" % chunks)).startswith(b"HTTP/1.1 200 ")


async def test_a_head_without_an_end_behind_an_unanswered_request_is_answered_by_nobody():
    begun, held = asyncio.Event(), asyncio.Event()

    async def hold(request):
        begun.set()
        await held.wait()
        return PlainTextResponse("held")

    async with connected(hold) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\n\r\n")
        await begun.wait()
        writer.write(b"POST / HTTP/1.1\r\nx: " + b"x" * wire.HEAD_BYTES)
        try:
            assert await reader.read() == b""
        finally:
            held.set()
