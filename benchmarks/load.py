"""A client that asks over and over and costs little, so that the server is what is measured."""

import asyncio
import json
import re
import socket
import time
from collections.abc import Iterator, Sequence
from functools import partial

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
MODERN = "2026-07-28"
LEGACY = "2025-11-25"


def ask_each(port: int, requests: Sequence[bytes]) -> None:
    """Ask each of these once, on one connection."""
    latencies(port, iter(requests), len(requests))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(port: int, path: str, **headers: str) -> bytes:
    """A GET request, ready to be sent."""
    return request("GET", port, path, b"", headers)


def mcp(port: int, method: str, session: str | None = None, **params: object) -> bytes:
    """An MCP request, ready to be sent: of a session of the earlier era, or of 2026-07-28."""
    headers = {"accept": "application/json, text/event-stream"}
    if session:
        headers |= {"mcp-session-id": session, "mcp-protocol-version": LEGACY}
    else:
        headers |= {"mcp-protocol-version": MODERN, "mcp-method": method}
        if "name" in params:
            headers["mcp-name"] = str(params["name"])
        params["_meta"] = {
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return request("POST", port, "/mcp", json.dumps(message).encode(), headers)


def open_session(port: int) -> str:
    """Shake hands as a client of the earlier era; returns the session's id."""
    hello = {
        "jsonrpc": "2.0",
        "id": 0,
        "method": "initialize",
        "params": {
            "protocolVersion": LEGACY,
            "capabilities": {},
            "clientInfo": {"name": "bench", "version": "1"},
        },
    }
    accept = {"accept": "application/json, text/event-stream"}
    head, _ = ask(port, request("POST", port, "/mcp", json.dumps(hello).encode(), accept))
    session = re.search(rb"mcp-session-id: *(\S+)", head, re.IGNORECASE)[1].decode()
    ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    headers = accept | {"mcp-session-id": session, "mcp-protocol-version": LEGACY}
    ask(port, request("POST", port, "/mcp", json.dumps(ready).encode(), headers))
    return session


def ask(port: int, request: bytes) -> tuple[bytes, bytes]:
    """Send one request on a connection of its own; returns the answer's head and body."""
    with connection_to(port) as connection:
        return exchange(connection, request)


def connection_to(port: int) -> socket.socket:
    """A connection that sends each request at once."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def exchange(connection: socket.socket, request: bytes) -> tuple[bytes, bytes]:
    """Send one request; returns the answer's head and body."""
    connection.sendall(request)
    received = bytearray()
    while not _is_whole(received):
        data = connection.recv(262_144)
        if not data:
            raise RuntimeError(f"the connection was closed after {bytes(received[:200])!r}")
        received += data
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    return head, body


def latencies(port: int, requests: Iterator[bytes], count: int) -> list[float]:
    """The seconds of `count` requests, one after the other on one connection."""
    taken = []
    with connection_to(port) as connection:
        for _ in range(count):
            sent = next(requests)
            began = time.perf_counter()
            head, _ = exchange(connection, sent)
            taken.append(time.perf_counter() - began)
            if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 304")):
                raise RuntimeError(head.decode())
    return taken


def throughput(port: int, asked: Sequence[Iterator[bytes]], seconds: float) -> float:
    """Answers a second, with as many clients asking at once as there are streams of requests."""
    return asyncio.run(_throughput(port, asked, seconds))


async def _throughput(port: int, asked: Sequence[Iterator[bytes]], seconds: float) -> float:
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    asking = [
        (await loop.create_connection(partial(_Asking, requests, until), "127.0.0.1", port))[1]
        for requests in asked
    ]
    began = loop.time()
    for each in asking:
        each.ask()
    counts = await asyncio.gather(*(each.done for each in asking))
    return sum(counts) / (loop.time() - began)


class _Asking(asyncio.Protocol):
    """One client: sends the next request as soon as an answer is complete."""

    def __init__(self, requests: Iterator[bytes], until: float) -> None:
        self._requests = requests
        self._until = until
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[int] = self._loop.create_future()
        self._answered = 0
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def ask(self) -> None:
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not _is_whole(self._received):
            return
        if not self._received.startswith((b"HTTP/1.1 200", b"HTTP/1.1 304")):
            self._fail(RuntimeError(bytes(self._received[:300]).decode()))
            return
        self._received.clear()
        self._answered += 1
        if self._loop.time() < self._until:
            self.ask()
        else:
            self._transport.close()
            self.done.set_result(self._answered)

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(error or RuntimeError("the server closed the connection"))

    def _fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


def request(method: str, port: int, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"host: 127.0.0.1:{port}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body:
        lines += ["content-type: application/json", f"content-length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _is_whole(received: bytearray) -> bool:
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return False
    length = _LENGTH.search(received, 0, end)
    return len(received) - end - 4 >= (int(length[1]) if length else 0)


def cycle(requests: Sequence[bytes]) -> Iterator[bytes]:
    """The requests over and over."""
    while True:
        yield from requests
