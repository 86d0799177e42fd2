"""A small proxy before several replicas that keeps a session where it was opened."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import cycle

_SESSION = re.compile(rb"^mcp-session-id: *(\S+)", re.IGNORECASE | re.MULTILINE)
_CONNECTION = re.compile(rb"^(connection|keep-alive):[^\n]*\n", re.IGNORECASE | re.MULTILINE)


@asynccontextmanager
async def proxying(ports: Sequence[int]) -> AsyncIterator[int]:
    """Spread requests over the ports while the block runs; yields the proxy's own."""
    proxy = _Proxy(ports)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0)  # what was accepted by now has begun
        await proxy.end()


class _Proxy:
    def __init__(self, ports: Sequence[int]) -> None:
        self._turns = cycle(ports)
        self._ports = ports
        self._homes: dict[bytes, int] = {}
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._has_ended = False

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close."""
        if self._has_ended:
            writer.close()
            return
        exchange = asyncio.create_task(self._exchange(reader, writer))
        self._open[exchange] = writer
        # Also if it never began.
        exchange.add_done_callback(lambda done: self._open.pop(done).close())

    async def end(self) -> None:
        """End whatever is still being answered."""
        self._has_ended = True
        ending = list(self._open.items())
        for exchange, _ in ending:
            exchange.cancel()
        await asyncio.gather(*(exchange for exchange, _ in ending), return_exceptions=True)
        await asyncio.gather(*(_close(writer) for _, writer in ending))

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._forward(reader, writer)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        home, replica, there = await self._connect(head)
        asked = asyncio.create_task(_relay(reader, there))
        answered = asyncio.create_task(self._answer(home, replica, writer))
        try:
            there.write(_CONNECTION.sub(b"", head[:-2]) + b"connection: close\r\n\r\n")
            # Whoever leaves first ends it for the other.
            await asyncio.wait((asked, answered), return_when=asyncio.FIRST_COMPLETED)
        finally:
            there.close()  # at once: what is awaited below may be cancelled
            asked.cancel()
            answered.cancel()
            await asyncio.gather(asked, answered, return_exceptions=True)
            await _close(there)

    async def _answer(
        self, home: int, replica: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = await replica.readuntil(b"\r\n\r\n")
        if opened := _SESSION.search(head):
            self._homes[opened[1]] = home
        writer.write(head)
        await _relay(replica, writer)

    async def _connect(self, head: bytes) -> tuple[int, asyncio.StreamReader, asyncio.StreamWriter]:
        session = _SESSION.search(head)
        known = self._homes.get(session[1]) if session else None
        first = known or next(self._turns)
        for port in sorted(self._ports, key=lambda port: port != first):
            with suppress(ConnectionError):
                return (port, *await _open(port))
        raise ConnectionError("no replica answers")


async def _open(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect; a connection that is made while nobody wants it any more is closed."""
    opening = asyncio.create_task(asyncio.open_connection("127.0.0.1", port))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        with suppress(ConnectionError):
            _, writer = await opening
            await _close(writer)
        raise


async def _relay(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65_536):
        target.write(data)
        await target.drain()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
