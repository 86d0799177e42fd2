"""Every request: its id, its line in the log, its place in the metrics, and its last resort."""

import asyncio
import logging
import os
import re
import time
from collections.abc import Callable
from urllib.parse import quote

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_server.doors import Door, Doors, note_door
from mcp_server.logs import REQUEST_ID
from mcp_server.problems import Problem
from storage.values.errors import Unavailable

HEADER = "x-request-id"

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""The methods that metrics tell apart: a request may name anything."""
_HEADER = HEADER.encode()
_SAFE = re.compile(rb"[\x21-\x7e]{1,128}")

_ENDED = Unavailable(
    "This server ended before the request was answered; whether it was done isn't known. Look, and "
    "try again: another server answers."
)

Observe = Callable[[str, str, int, float], None]
"""Records a request: its method, route, status and duration in seconds."""

logger = logging.getLogger("mcp_server.http")


class Requests:
    """The outermost layer, in which every request is answered, counted and logged."""

    def __init__(self, app: ASGIApp, doors: Doors, observe: Observe) -> None:
        self._app = app
        self._doors = doors
        self._observe = observe
        self._running = 0
        self._is_ending = False
        self._idle: anyio.Event | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        exchange = _Exchange(scope, send, self._doors.find(scope["path"]))
        token = REQUEST_ID.set(exchange.request_id)
        self._begin(exchange)
        try:
            await self._app(scope, receive, exchange.send)
            await exchange.complete()
        except asyncio.CancelledError:
            # At its end the web server cancels what still runs, and takes it for a fault.
            if not self._is_ending:
                raise
            logger.warning("%s %s was given up at the end", scope["method"], quote(scope["path"]))
            await exchange.apologise(receive, Problem.of(_ENDED))
        except Exception:
            logger.exception("%s %s failed", scope["method"], quote(scope["path"]))
            await exchange.apologise(receive, Problem(500))
        finally:
            self._end(exchange)
            REQUEST_ID.reset(token)
        return None

    async def idle(self) -> None:
        """Wait until only streams are left, which end by `end_streams`.

        From here on the server counts as ending: a request that is cancelled is answered with 503.
        """
        self._is_ending = True
        if self._running:
            self._idle = self._idle or anyio.Event()
            await self._idle.wait()

    def _begin(self, exchange: "_Exchange") -> None:
        if not exchange.is_stream:
            self._running += 1

    def _end(self, exchange: "_Exchange") -> None:
        if not exchange.is_stream:
            self._running -= 1
            if not self._running and self._idle is not None:
                self._idle.set()
                self._idle = None
        seconds = time.perf_counter() - exchange.began
        method = exchange.method if exchange.method in _METHODS else "(other)"
        self._observe(method, exchange.route, exchange.status, seconds)
        if not logger.isEnabledFor(logging.INFO):
            return
        logger.info(
            "%s %s %s in %.1f ms",
            exchange.method,
            quote(exchange.path),
            exchange.status or "left",
            seconds * 1000,
            extra={
                "fields": {
                    "method": exchange.method,
                    "path": exchange.path,
                    "status": exchange.status,
                    "milliseconds": round(seconds * 1000, 1),
                }
            },
        )


class _Exchange:
    """One request and its answer; status 0 means that there is none."""

    def __init__(self, scope: Scope, send: Send, door: Door) -> None:
        self._scope = scope
        self._send = send
        self._door = door
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.status = 0
        self._is_complete = False
        self.began = time.perf_counter()
        self.request_id = _given_id(scope) or os.urandom(16).hex()
        scope.setdefault("state", {})["request_id"] = self.request_id
        note_door(scope, door)
        self.is_stream = door.is_stream(scope)

    @property
    def route(self) -> str:
        """The name of the request's route in the metrics."""
        return self._door.route(self._scope)

    async def send(self, message: Message) -> None:
        """Send a part of the answer, with the request's id in its headers."""
        self._is_complete = message["type"] != "http.response.start" and not message.get(
            "more_body", False
        )
        if message["type"] == "http.response.start":
            self.status = message["status"]
            identified = (_HEADER, self.request_id.encode())
            message["headers"] = [*message.get("headers", ()), identified]
        await self._send(message)

    async def complete(self) -> None:
        """End an answer that was only begun, like the stream of a session that has ended."""
        if self.status and not self._is_complete:
            await self.send({"type": "http.response.body", "body": b"", "more_body": False})

    async def apologise(self, receive: Receive, problem: Problem) -> None:
        """Answer with a problem in place of a door that failed, unless an answer was begun."""
        if not self.status:
            await self._door.error_page(problem, self._scope)(self._scope, receive, self.send)


def _given_id(scope: Scope) -> str | None:
    """Return the id that a request brought along, if it is safe to show."""
    for name, value in scope["headers"]:
        if name == _HEADER and _SAFE.fullmatch(value):
            return str(value, "ascii")
    return None
