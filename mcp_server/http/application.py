"""One ASGI application: the layers in front of all doors, and the tasks beside them."""

import asyncio
import logging
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from types import FrameType

import anyio
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_server import version
from mcp_server.config import Settings
from mcp_server.doors import Door, Doors, door_of
from mcp_server.http.bodies import BodyGuard
from mcp_server.http.callers import DevUser
from mcp_server.http.hosts import ANY, AllowedHosts, HostGuard
from mcp_server.http.library import ServedLibrary
from mcp_server.http.metrics import Metrics
from mcp_server.http.requests import HEADER as REQUEST_HEADER
from mcp_server.http.requests import Requests
from mcp_server.http.tracing import tracing
from mcp_server.service.callers import Caller
from mcp_server.service.changes import ChangeFeed
from storage.values.errors import PromptError

DRAIN_SECONDS = 10.0
"""How long requests may go on once the process is told to stop."""

_EXPOSED = ("ETag", "Link", "Location", "Retry-After", REQUEST_HEADER, "Mcp-Session-Id")

logger = logging.getLogger(__name__)


class Application:
    """The library over HTTP, from its start to its orderly end.

    `usual` is the caller of requests that don't name one.
    """

    def __init__(
        self,
        settings: Settings,
        usual: Caller,
        library: ServedLibrary,
        metrics: Metrics,
        doors: Sequence[Door],
    ) -> None:
        self._library = library
        self._metrics = metrics
        self._doors = Doors(doors)
        self._feed = ChangeFeed(self._doors.hear)
        self._lifespan = Router(lifespan=self._living)
        self._requests = Requests(
            self._layers(settings, usual), self._doors, metrics.observe_request
        )
        self.asgi: ASGIApp = self._requests
        self.failure: PromptError | None = None
        """The error that kept it from starting, or ended it."""

    async def drain(self) -> None:
        """End the streams, and wait `DRAIN_SECONDS` at most for the requests."""
        self._doors.end_streams()
        self._bodies.end_soon()
        with anyio.move_on_after(DRAIN_SECONDS):
            await self._requests.idle()

    def _layers(self, settings: Settings, usual: Caller) -> ASGIApp:
        """Return the layers that a request passes, as one application."""
        # A page that may send requests also has to be allowed to read the answers.
        origins = (*settings.allowed_origins, *settings.cors_origins)
        allowed = AllowedHosts.of(settings.host, settings.allowed_hosts, origins)
        app: ASGIApp = self._enter
        if settings.allow_dev_headers:
            app = DevUser(app, usual)
        self._bodies = BodyGuard(app, settings.max_body)
        app = HostGuard(self._bodies, allowed)
        return _with_cors(app, origins) if origins else app

    async def _enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = door_of(scope).app if scope["type"] == "http" else self._lifespan
        await app(scope, receive, send)

    @asynccontextmanager
    async def _living(self, _: object) -> AsyncIterator[None]:
        try:
            async with self._running():
                with _on_signals(self._drain_soon):
                    yield
        except* PromptError as errors:
            self.failure = _first(errors)
            raise
        except* Exception:
            # The web server would go on without sessions, changes and metrics: better to end, and
            # be restarted.
            logger.exception("what runs beside the requests has failed")
            self.failure = PromptError("A fault in promptstack ended the server; see the log.")
            _stop_process()
            raise

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        with tracing(version()):
            async with (
                self._library.open(self._feed.hear) as live,
                anyio.create_task_group() as tasks,
            ):
                tasks.start_soon(self._feed.run)
                tasks.start_soon(self._metrics.watch, live)
                async with self._doors.running():
                    yield
                    # Before the doors close, so that requests in sessions are still answered.
                    await self.drain()
                tasks.cancel_scope.cancel()

    def _drain_soon(self) -> None:
        self._draining = asyncio.ensure_future(self.drain())


def _with_cors(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    return CORSMiddleware(
        app,
        allow_origins=[ANY] if ANY in origins else origins,
        allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
        allow_headers=[ANY],
        expose_headers=_EXPOSED,
    )


def _stop_process() -> None:
    """Ask the web server to end, if it is one that handles signals."""
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        signal.raise_signal(signal.SIGTERM)


@contextmanager
def _on_signals(act: Callable[[], None]) -> Iterator[None]:
    """Act as soon as the process is told to stop, before the web server waits for its streams."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    handlers = {kind: signal.getsignal(kind) for kind in (signal.SIGTERM, signal.SIGINT)}

    def stop(kind: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(act)
        handler = handlers[signal.Signals(kind)]
        if callable(handler):
            handler(kind, frame)

    for kind in handlers:
        signal.signal(kind, stop)
    try:
        yield
    finally:
        for kind, handler in handlers.items():
            signal.signal(kind, handler)


def _first(errors: BaseExceptionGroup[PromptError]) -> PromptError:
    """Return the first failure of a group, at any depth."""
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
