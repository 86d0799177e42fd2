"""Request bodies: read whole before anyone works on them, within limits of size and time."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import anyio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_server.doors import BodyType, door_of, refusal
from mcp_server.problems import Problem
from storage.values.errors import Unavailable

BODY_SECONDS = 30.0
"""How long a client may take to send a body."""

LAST_SECONDS = 2.0
"""How long a body may still take once the server is stopping."""

LINGER_SECONDS = 2.0
"""How long a refused client's body is still read, so that the client reads the refusal."""

_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_ENDING = Unavailable(
    "This server is ending, and the body didn't arrive before. Send the request again: another "
    "server answers."
)


class _Refused(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


class _Gone(Exception):
    """The client left before it had sent everything."""


class BodyGuard:
    """Refuses bodies that are too large, too slow, or of a type that their door doesn't read."""

    def __init__(self, app: ASGIApp, limit: int, seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._limit = limit
        self._seconds = seconds
        self._reading: set[asyncio.Timeout] = set()
        self._end: float | None = None

    def end_soon(self) -> None:
        """Give bodies that are arriving a moment more; slower clients are sent elsewhere."""
        self._end = asyncio.get_running_loop().time() + LAST_SECONDS
        for timeout in self._reading:
            if not timeout.expired():
                timeout.reschedule(self._until(timeout.when()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on with its whole body."""
        if scope["type"] != "http" or scope["method"] not in _WITH_BODY:
            return await self._app(scope, receive, send)
        door = door_of(scope)
        if (scope["method"], scope["path"]) in door.streamed:
            return await self._app(scope, self._passing(receive), send)
        try:
            headers = Headers(scope=scope)
            self._check_declared(headers)
            async with self._patience(self._seconds):
                body = await self._read(receive)
            if body:
                _check_type(headers, door.body_types)
        except _Refused as refused:
            answer = refusal(refused.problem, scope)
            await answer(scope, receive, _lingering(receive, send))
        except TimeoutError:
            await refusal(self._too_slow(), scope)(scope, receive, send)
        except _Gone:
            return None
        else:
            await self._app(scope, _replay(body, receive), send)
        return None

    @asynccontextmanager
    async def _patience(self, seconds: float | None) -> AsyncIterator[None]:
        """Limit the time of the block, also by the end of the server."""
        when = None if seconds is None else asyncio.get_running_loop().time() + seconds
        async with asyncio.timeout_at(self._until(when)) as timeout:
            self._reading.add(timeout)
            try:
                yield
            finally:
                self._reading.remove(timeout)

    def _until(self, when: float | None) -> float | None:
        moments = [moment for moment in (when, self._end) if moment is not None]
        return min(moments, default=None)

    def _passing(self, receive: Receive) -> Receive:
        """Pass a body on piece by piece; raise Unavailable if the end of the server cuts it off."""
        more = True

        async def passed() -> Message:
            nonlocal more
            if not more:
                return await receive()
            try:
                async with self._patience(None):
                    message = await receive()
            except TimeoutError:
                raise _ENDING from None
            more = message["type"] == "http.request" and message.get("more_body", False)
            return message

        return passed

    def _too_slow(self) -> Problem:
        close = {"connection": "close"}
        if self._end is not None:
            ending = Problem.of(_ENDING)
            return replace(ending, headers={**ending.headers, **close})
        text = f"The body didn't arrive within {self._seconds:g} seconds. Send it again."
        return Problem(408, text, headers=close)

    def _check_declared(self, headers: Headers) -> None:
        declared = headers.get("content-length", "")
        if declared.isascii() and declared.isdigit() and int(declared[:20]) > self._limit:
            raise _Refused(self._too_large())

    async def _read(self, receive: Receive) -> bytes:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Gone
            body += message.get("body", b"")
            if len(body) > self._limit:
                raise _Refused(self._too_large())
            if not message.get("more_body", False):
                return bytes(body)

    def _too_large(self) -> Problem:
        return Problem(
            413,
            f"The body is larger than {self._limit:,} bytes, the most that this server accepts. "
            "Send less, or ask its operator to raise PROMPTSTACK_MAX_BODY.",
            headers={"connection": "close"},
        )


def _check_type(headers: Headers, wanted: Sequence[BodyType]) -> None:
    content_type = headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if any(each.covers(kind) for each in wanted):
        return
    names = " or ".join(f"{each.name}, as {each.media_type}" for each in wanted)
    raise _Refused(
        Problem(
            415,
            f"The body's Content-Type is '{content_type[:100]}'. Send {names}.",
            headers={"accept": ", ".join(each.media_type for each in wanted)},
        )
    )


def _lingering(receive: Receive, send: Send) -> Send:
    """Hold back the end of an answer until the client has sent its body, or time is up.

    A connection that is closed while its client still writes is reset, and the answer with it.
    """

    async def linger(message: Message) -> None:
        if message["type"] != "http.response.body":
            return await send(message)
        await send({**message, "more_body": True})
        with anyio.move_on_after(LINGER_SECONDS):
            await _discard(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return None

    return linger


async def _discard(receive: Receive) -> None:
    more = True
    while more:
        message = await receive()
        more = message["type"] == "http.request" and message.get("more_body", False)


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting: deque[Message] = deque([{"type": "http.request", "body": body, "more_body": False}])

    async def replayed() -> Message:
        return waiting.popleft() if waiting else await receive()

    return replayed
