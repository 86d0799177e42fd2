"""A network between a client and a server that can fall silent, or be cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit, urlunsplit


class Network:
    """Carries what is said on 127.0.0.1 to the server of a URL, until it is told otherwise."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._ways: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self._speaking = asyncio.Event()
        self._speaking.set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """The same database, reached over this network."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        user = self._parts.netloc.rpartition("@")[0]
        place = f"{user}@127.0.0.1:{port}"
        return urlunsplit(self._parts._replace(netloc=place, query="sslmode=disable"))

    async def __aenter__(self) -> "Network":
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for way in self._ways:
            way.cancel()
        await asyncio.gather(*self._ways, return_exceptions=True)
        self.cut()

    def fall_silent(self) -> None:
        """Carry nothing any more, and tell nobody: a cable pulled, a firewall that forgot."""
        self._speaking.clear()

    def speak_again(self) -> None:
        """Carry what comes from now on, and what was held back."""
        self._speaking.set()

    def cut(self) -> None:
        """Close every connection."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await self._reach()
        self._writers += [writer, back]
        for source, target in ((reader, back), (there, writer)):
            way = asyncio.create_task(self._forward(source, target))
            self._ways.add(way)
            way.add_done_callback(self._ways.discard)

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        folder = parse_qs(self._parts.query).get("host", [""])[0]
        if folder.startswith("/"):
            return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432")
        return await asyncio.open_connection(self._parts.hostname, self._parts.port or 5432)

    async def _forward(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while said := await source.read(65_536):
                await self._speaking.wait()
                target.write(said)
                await target.drain()
        except ConnectionError:
            pass
        target.close()


@asynccontextmanager
async def network_to(url: str) -> AsyncIterator[Network]:
    """Open a network to the server of a URL."""
    async with Network(url) as network:
        yield network
