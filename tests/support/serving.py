"""The whole application in a real web server on a free port, inside a test's own event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import uvicorn

from mcp_server.cli.application import make_application
from mcp_server.config import Settings
from mcp_server.http.application import Application
from mcp_server.http.running import configure
from mcp_server.service.views import View
from tests.support.processes import SECONDS

ACTOR = "tester"
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Served:
    """A server that answers at `url`, and a client that knows it."""

    application: Application
    url: str
    client: httpx2.AsyncClient


@asynccontextmanager
async def serving(
    database_url: str,
    *,
    view: View | None = None,
    page_size: int | None = None,
    make: Callable[[Settings, View, int | None], Application] = make_application,
    **settings: Any,
) -> AsyncIterator[Served]:
    """Serve a library while the block runs; `settings` are those of `mcp_server.config`.

    Everything has ended when the block has: the server's task, its connections and its socket.
    """
    chosen = {"database_url": database_url, "user": ACTOR, "host": HOST, **settings}
    application = make(Settings(**chosen), view or View(), page_size)
    with socket.create_server((HOST, 0), backlog=128) as listening:
        url = f"http://{HOST}:{listening.getsockname()[1]}"
        async with (
            _running(application, listening),
            httpx2.AsyncClient(base_url=url, timeout=SECONDS, trust_env=False) as client,
        ):
            yield Served(application, url, client)


class _Server(uvicorn.Server):
    """Tells when it has begun, and leaves the signals to those who run the tests."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.begun = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit:  # uvicorn's way to say that it couldn't start; the log has told why
            self.should_exit = True
        self.begun.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def _running(application: Application, listening: socket.socket) -> AsyncIterator[None]:
    server = _Server(configure(application.asgi))
    running = asyncio.create_task(server.serve([listening]))
    try:
        await _begun(server, running, application)
        yield
    finally:
        if server.started:
            await application.drain()
        server.should_exit = True
        await asyncio.wait_for(running, SECONDS)


async def _begun(server: _Server, running: "asyncio.Task[None]", application: Application) -> None:
    """Wait until the server answers; one that can't start says why."""
    begun = asyncio.create_task(server.begun.wait())
    try:
        async with asyncio.timeout(SECONDS):
            await asyncio.wait((begun, running), return_when=asyncio.FIRST_COMPLETED)
    finally:
        begun.cancel()
    if not server.started:
        raise application.failure or RuntimeError("The server didn't start; its log tells why.")
