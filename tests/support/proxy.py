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
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        for task in proxy.tasks:
            task.cancel()
        await asyncio.gather(*proxy.tasks, return_exceptions=True)


class _Proxy:
    def __init__(self, ports: Sequence[int]) -> None:
        self._turns = cycle(ports)
        self._count = len(ports)
        self._homes: dict[bytes, int] = {}
        self.tasks: set[asyncio.Task[object]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close."""
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._exchange(reader, writer)
        writer.close()
        self.tasks.discard(task)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        home, replica, answers = await self._connect(head)
        answers.write(_CONNECTION.sub(b"", head[:-2]) + b"connection: close\r\n\r\n")
        sending = asyncio.create_task(_relay(reader, answers))
        try:
            answer = await replica.readuntil(b"\r\n\r\n")
            if opened := _SESSION.search(answer):
                self._homes[opened[1]] = home
            writer.write(answer)
            await _relay(replica, writer)
        finally:
            sending.cancel()
            answers.close()

    async def _connect(self, head: bytes) -> tuple[int, asyncio.StreamReader, asyncio.StreamWriter]:
        session = _SESSION.search(head)
        known = self._homes.get(session[1]) if session else None
        candidates = [known] if known else [next(self._turns) for _ in range(self._count)]
        for port in candidates:
            with suppress(ConnectionError):
                return (port, *await asyncio.open_connection("127.0.0.1", port))
        raise ConnectionError("no replica answers")


async def _relay(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65_536):
        target.write(data)
        await target.drain()
