"""One ASGI application: MCP at `/mcp`, REST at `/prompts`, health and metrics beside them."""

import asyncio
import logging
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from types import FrameType

import anyio
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_server import version
from mcp_server.app import Live, live_core
from mcp_server.config import Settings
from mcp_server.http import health
from mcp_server.http.bodies import BodyGuard
from mcp_server.http.callers import DevUser
from mcp_server.http.endpoint import MCP_PATH, McpEndpoint
from mcp_server.http.hosts import ANY, AllowedHosts, HostGuard
from mcp_server.http.metrics import Metrics
from mcp_server.http.requests import HEADER as REQUEST_HEADER
from mcp_server.http.requests import Requests
from mcp_server.http.tracing import is_traced, tracing
from mcp_server.protocol.server import ServerOptions, build_server
from mcp_server.rest.api import build_api
from mcp_server.rest.door import RestDoor
from mcp_server.service.callers import Caller
from mcp_server.service.changes import ChangeFeed
from mcp_server.service.library import Core
from mcp_server.service.views import View
from storage.values.errors import PromptError, Unavailable

POOL_SIZE = 10
"""Database connections of a process that serves a team, unless a setting says otherwise."""
DRAIN_SECONDS = 10.0
"""How long requests may go on after the process was told to stop."""

_EXPOSED = ("ETag", "Link", "Location", "Retry-After", REQUEST_HEADER, "Mcp-Session-Id")

logger = logging.getLogger(__name__)


class Application:
    """The library over HTTP, from its start to its orderly end."""

    def __init__(self, settings: Settings, view: View, page_size: int | None = None) -> None:
        self._settings = settings
        self._caller = Caller(settings.actor, view)
        self._live: Live | None = None
        self._metrics = Metrics()
        options = ServerOptions(
            version=version(),
            caller=self._caller,
            page_size=page_size,
            state_keys=settings.state_keys,
            traced=is_traced(),
        )
        door = build_server(self._ready, options)
        door.server.middleware.insert(0, self._metrics.observe_call)
        self._feed = ChangeFeed(door.changes.publish)
        self._mcp = McpEndpoint(door, settings)
        self._requests = Requests(self._layers(), self._metrics.observe_request)
        self.asgi: ASGIApp = self._requests
        self.failure: PromptError | None = None
        """Why it couldn't start, for whoever started it."""

    async def drain(self) -> None:
        """Prepare the end: streams are told, and requests go on."""
        self._mcp.end_streams()
        self._bodies.end_soon()
        with anyio.move_on_after(DRAIN_SECONDS):
            await self._requests.idle()

    async def _ready(self) -> Core:
        if self._live is None:
            raise Unavailable("The server is still starting. Try again.")
        return self._live.core

    def _layers(self) -> ASGIApp:
        """Return all that a request passes, the innermost layer first."""
        settings = self._settings
        # A page that may ask has to be let read the answer, too.
        origins = (*settings.allowed_origins, *settings.cors_origins)
        allowed = AllowedHosts.of(
            settings.host,
            settings.allowed_hosts,
            origins,
        )
        app = self._doors()
        if settings.allow_dev_headers:
            app = DevUser(app, self._caller)
        self._bodies = BodyGuard(app, settings.max_body)
        app = HostGuard(self._bodies, allowed)
        return _with_cors(app, origins) if origins else app

    def _doors(self) -> ASGIApp:
        api = build_api(
            RestDoor(self._ready, replace(self._caller, door="rest"), self._settings.max_import),
            version(),
            lifespan=self._lifespan,
            routes=[
                Route("/healthz", _healthz),
                Route("/readyz", self._readyz),
                Route("/metrics", self._metrics_page),
            ],
        )

        # No router in front of the two: most requests are MCP's, and it looks for itself what to
        # do with a method.
        async def doors(scope: Scope, receive: Receive, send: Send) -> None:
            is_mcp = scope["type"] == "http" and scope["path"] == MCP_PATH
            await (self._mcp if is_mcp else api)(scope, receive, send)

        return doors

    @asynccontextmanager
    async def _lifespan(self, _: object) -> AsyncIterator[None]:
        try:
            async with self._running():
                with _on_signals(self._drain_soon):
                    yield
        except* PromptError as errors:
            self.failure = _first(errors)
            raise
        except* Exception:
            # The web server would go on without sessions, changes and figures: better to end, and
            # be started anew.
            logger.exception("what runs beside the requests has failed")
            self.failure = PromptError("A fault in promptstack ended the server; see the log.")
            _stop_process()
            raise

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        with tracing(version()):
            async with (
                live_core(self._settings, self._feed.hear, pool_size=POOL_SIZE) as live,
                anyio.create_task_group() as tasks,
            ):
                self._live = live
                tasks.start_soon(self._feed.run)
                tasks.start_soon(self._metrics.watch, live)
                await tasks.start(self._mcp.run)
                yield
                # Now that nobody can ask any more; until then a session's requests are answered.
                await self.drain()
                self._mcp.close()
                tasks.cancel_scope.cancel()

    def _drain_soon(self) -> None:
        self._draining = asyncio.ensure_future(self.drain())

    async def _readyz(self, request: Request) -> Response:
        return await health.readiness(self._opened())

    async def _metrics_page(self, request: Request) -> Response:
        self._metrics.look(self._opened())
        return self._metrics.answer(request)

    def _opened(self) -> Live:
        assert self._live is not None  # nothing is answered before the lifespan has begun
        return self._live


async def _healthz(request: Request) -> Response:
    return health.alive()


def _with_cors(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    return CORSMiddleware(
        app,
        allow_origins=[ANY] if ANY in origins else origins,
        allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
        allow_headers=[ANY],
        expose_headers=_EXPOSED,
    )


def _stop_process() -> None:
    """Ask the web server to end, where it is one that listens to signals."""
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        signal.raise_signal(signal.SIGTERM)


@contextmanager
def _on_signals(act: Callable[[], None]) -> Iterator[None]:
    """Act as soon as the process is told to stop, before the web server waits for its streams."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {kind: signal.getsignal(kind) for kind in (signal.SIGTERM, signal.SIGINT)}

    def stop(kind: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(act)
        handler = before[signal.Signals(kind)]
        if callable(handler):
            handler(kind, frame)

    for kind in before:
        signal.signal(kind, stop)
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _first(errors: BaseExceptionGroup[PromptError]) -> PromptError:
    """Return the first failure of a group, however deep it lies."""
    found = errors.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
