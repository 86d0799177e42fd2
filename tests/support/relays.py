"""A way to a database that can be cut and mended, as networks are."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

_PORT = 5432


class Relay:
    """Hands on whatever is said between clients and the server that a URL names."""

    def __init__(self, url: str, folder: Path) -> None:
        self._to = urlsplit(url)
        self._socket = folder / f".s.PGSQL.{_PORT}"
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.Task[None]] = set()
        query = parse_qs(self._to.query) | {"host": [str(folder)], "port": [str(_PORT)]}
        user = f"{self._to.username}:{self._to.password or ''}@"
        self.url = urlunsplit(self._to._replace(netloc=user, query=urlencode(query, doseq=True)))

    async def mend(self) -> None:
        """Accept clients."""
        self._server = await asyncio.start_unix_server(self._relay, self._socket)

    async def cut(self) -> None:
        """End every connection and accept no other."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for line in self._lines:
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)
        self._socket.unlink(missing_ok=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = asyncio.current_task()
        assert line is not None
        self._lines.add(line)
        try:
            answers, questions = await self._reach()
            with contextlib.closing(questions), contextlib.closing(writer):
                ways = (_copy(reader, questions), _copy(answers, writer))
                tasks = [asyncio.create_task(way) for way in ways]
                try:
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)
        except asyncio.CancelledError:
            return
        finally:
            self._lines.discard(line)

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        query = parse_qs(self._to.query)
        if "host" in query:
            port = query.get("port", [str(_PORT)])[0]
            return await asyncio.open_unix_connection(f"{query['host'][0]}/.s.PGSQL.{port}")
        return await asyncio.open_connection(self._to.hostname, self._to.port or _PORT)


@asynccontextmanager
async def relaying(url: str) -> AsyncIterator[Relay]:
    """Relay to a database while the block runs."""
    folder = Path(tempfile.mkdtemp(prefix="ps-relay-"))
    relay = Relay(url, folder)
    await relay.mend()
    try:
        yield relay
    finally:
        await relay.cut()
        shutil.rmtree(folder)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while piece := await source.read(65_536):
            target.write(piece)
            await target.drain()
