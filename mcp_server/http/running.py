"""Running the application in a web server: one process, or several on one socket."""

import gc
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import uvicorn
from prometheus_client.multiprocess import mark_process_dead
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from mcp_server.config import Settings
from mcp_server.http.application import DRAIN_SECONDS, Application
from mcp_server.http.metrics import SHARED_VARIABLE
from mcp_server.http.wire import Wire
from mcp_server.logs import configure_logging
from storage.values.errors import Invalid, PromptError, Unavailable

LOOPBACK = "127.0.0.1"
_BACKLOG = 2048
_GRACE_SECONDS = int(DRAIN_SECONDS) + 5
"""Seconds after which requests that still run are cancelled."""
_BEGINNING_SECONDS = 60.0
"""How long a new worker may take until it answers: its imports take time."""
_GC_THRESHOLDS = (20_000, 20, 50)


def bind(host: str, port: int) -> socket.socket:
    """Bind a socket to an address, and listen.

    Raises:
        Invalid: this machine has no such address.
        Unavailable: another program has the port.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise Invalid(
            f"'{host}' is no address of this machine: {error}. Use 127.0.0.1 to serve it alone."
        ) from None
    listening = socket.socket(family, kind, protocol)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        # From here on clients wait for the start instead of being refused.
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise Unavailable(
            f"{host}:{port} can't be listened on: {os.strerror(error.errno or 0)}. Stop the "
            "program that has the port, or choose another with --port (0 takes a free one)."
        ) from None
    listening.set_inheritable(True)
    return listening


def serve(
    settings: Settings,
    make: Callable[[], Application],
    listening: socket.socket,
    *,
    started: Callable[[], None] = lambda: None,
) -> None:
    """Serve on a bound socket until the process is told to stop; `started` is called once it does.

    `make` is handed to workers, each of which makes an application of its own: it has to be
    picklable.

    Raises:
        PromptError: the library couldn't be opened, or the settings contradict each other.
    """
    # Made before any worker starts, too, to report contradictory settings once, and here.
    application = make()
    if settings.workers > 1:
        _serve_with_workers(settings, make, listening, started)
        return
    server = _Server(configure(application.asgi, proxies=settings.trusted_proxies), started)
    server.run([listening])
    if application.failure is not None:
        raise application.failure
    if not server.started:
        raise PromptError("The server couldn't start; its log tells why.")


class _Server(uvicorn.Server):
    """A web server that reports its start, and ends well on a signal."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = started

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on a signal, but don't raise it again afterwards, as uvicorn does."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and report it."""
        await super().startup(sockets)
        if self.started:
            _spare_the_collector()
            self._tell()


def _serve_with_workers(
    settings: Settings,
    make: Callable[[], Application],
    listening: socket.socket,
    started: Callable[[], None],
) -> None:
    factory = partial(_make_in_worker, settings, make)
    config = configure(factory, workers=settings.workers, proxies=settings.trusted_proxies)
    with _shared_figures():
        workers = _Workers(config, listening, started)
        workers.run()
    if workers.failed:
        raise PromptError("A worker couldn't start; its log tells why.")


class _Workers(Multiprocess):
    """Several processes on one socket; reports when all answer, and whether one couldn't start."""

    def __init__(
        self, config: uvicorn.Config, listening: socket.socket, started: Callable[[], None]
    ) -> None:
        super().__init__(config, [listening])
        self._tell: Callable[[], None] | None = started
        self.failed = False
        self._asked: dict[int, float] = {}
        self._answered: set[int] = set()

    def keep_subprocess_alive(self) -> None:
        """Check on the workers; uvicorn calls this twice a second."""
        if any([self._is_beginning(process) for process in self.processes]):
            return
        before = self._pids()
        super().keep_subprocess_alive()
        for pid in before - self._pids():
            # Its counters stay, and its gauges go.
            mark_process_dead(pid)  # type: ignore[no-untyped-call]
        self.failed = any(process.exitcode == STARTUP_FAILURE for process in self.processes)
        if self._tell is not None and all(process.is_ready() for process in self.processes):
            self._tell()
            self._tell = None

    def _is_beginning(self, worker: Process) -> bool:
        """Tell whether a worker is alive and hasn't answered yet, within its time.

        uvicorn takes one that doesn't answer within five seconds for hung. On a busy machine a
        worker needs longer for its imports, so it would be killed and restarted for ever.
        """
        if worker.pid is None or worker.pid in self._answered or not worker.process.is_alive():
            return False
        if worker.pid not in self._asked:
            self._asked[worker.pid] = time.monotonic()
            worker.parent_conn.send(b"ping")  # once: each is answered, late ones too
        if worker.parent_conn.poll():
            worker.parent_conn.recv()
            self._answered.add(worker.pid)
            return False
        return time.monotonic() < self._asked[worker.pid] + _BEGINNING_SECONDS

    def _pids(self) -> set[int]:
        return {process.pid for process in self.processes if process.pid is not None}


def _make_in_worker(settings: Settings, make: Callable[[], Application]) -> ASGIApp:
    configure_logging(settings.log_format, settings.log_level)
    application = make()
    _spare_the_collector()
    return application.asgi


def _spare_the_collector() -> None:
    """Exempt the objects that live as long as the process from garbage collection.

    With its usual thresholds it looks through all modules and cached prompts every few hundred
    requests, which took a tenth of a server's time (benchmarks/http.py).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)


def configure(
    app: ASGIApp | Callable[[], ASGIApp],
    *,
    workers: int | None = None,
    proxies: Sequence[str] = (LOOPBACK,),
) -> uvicorn.Config:
    """Return the web server's configuration; with `workers`, `app` makes the application in each.

    `proxies` are the addresses and networks that are trusted to name the client.
    """
    return uvicorn.Config(
        app,
        factory=workers is not None,
        workers=workers,
        http=Wire,
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=list(proxies),
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )


@contextmanager
def _shared_figures() -> Iterator[None]:
    """Provide a folder for the workers' figures, which `/metrics` adds up."""
    with tempfile.TemporaryDirectory(prefix="promptstack-metrics-") as folder:
        os.environ[SHARED_VARIABLE] = str(Path(folder))
        try:
            yield
        finally:
            del os.environ[SHARED_VARIABLE]
