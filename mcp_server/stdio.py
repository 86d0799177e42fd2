"""Serving one client over standard input and output."""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import re
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, NoReturn, Self

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.stdio import stdio_server
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.message import SessionMessage
from mcp_types import INVALID_REQUEST, PARSE_ERROR, ErrorData, JSONRPCError
from pydantic import ValidationError

from mcp_server.app import LiveLibrary
from mcp_server.config import Settings
from mcp_server.protocol.server import ServerOptions, build_server
from mcp_server.service.changes import ChangeFeed
from storage.entities import Change
from storage.errors import PromptError

_HANDSHAKE_SECONDS = 0.5
"""Bring storage up even if nobody shakes hands for so long."""
_LAST_WORDS_SECONDS = 0.1
"""Time for the answers to requests that wait for a library which doesn't come."""
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")

logger = logging.getLogger(__name__)


async def serve_stdio(
    settings: Settings, options: ServerOptions, give_up: Callable[[PromptError], NoReturn]
) -> None:
    """Serve until the client closes its end.

    `give_up` has to end the process: it is called where the library can't be brought up, and by
    then a thread waits for the client's next line, which nothing but the client can end.
    """
    async with anyio.create_task_group() as tasks:
        connection = _Connection(settings, options, give_up)
        tasks.start_soon(connection.keep_library)
        tasks.start_soon(connection.tell_changes)
        await connection.serve()
        await connection.library_known()
        tasks.cancel_scope.cancel()


class _Connection:
    """One client, the library behind it, and the changes on their way to it."""

    def __init__(
        self,
        settings: Settings,
        options: ServerOptions,
        give_up: Callable[[PromptError], NoReturn],
    ) -> None:
        self._give_up = give_up
        self._answered = asyncio.Event()
        self._feed: ChangeFeed | None = None
        self._library = LiveLibrary(settings, options.scope, self._hear)
        self._door = build_server(self._library.ready, options)
        self._feed = ChangeFeed(self._door.changes.publish)
        self._door.server.middleware.append(self._note_answer)

    async def serve(self) -> None:
        """Speak the protocol until the client closes its end."""
        server = self._door.server
        try:
            async with stdio_server() as (incoming, outgoing):
                readable = _Readable(incoming, outgoing)
                await server.run(readable, outgoing, self._door.initialization_options())
        except* BrokenPipeError:
            logger.info("the client closed its end in the middle of an answer")

    async def keep_library(self) -> None:
        """Bring the library up once the handshake is answered, and keep it."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._answered.wait(), _HANDSHAKE_SECONDS)
        try:
            await self._library.run()
        except PromptError as error:
            await asyncio.sleep(_LAST_WORDS_SECONDS)
            self._give_up(error)
        except Exception:
            logger.exception("the library failed in a way that nobody foresaw")
            self._give_up(PromptError("A fault in promptstack ended the server; see the log."))

    async def library_known(self) -> None:
        """Wait until the library is up: a client that leaves early learns of a failure, too."""
        self._answered.set()
        with suppress(PromptError):
            await self._library.ready()
            return
        await asyncio.sleep(60)  # the process is being given up

    async def tell_changes(self) -> None:
        """Tell the client what changed."""
        if self._feed is not None:
            await self._feed.run()

    def _hear(self, change: Change) -> None:
        if self._feed is not None:
            self._feed.hear(change)

    async def _note_answer(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        try:
            return await call_next(ctx)
        finally:
            if ctx.method in ("initialize", "server/discover"):
                self._answered.set()


class _Readable:
    """The client's messages; a line that isn't one gets an answer instead of silence."""

    def __init__(
        self,
        incoming: ReadStream[SessionMessage | Exception],
        outgoing: WriteStream[SessionMessage],
    ) -> None:
        self._incoming = incoming
        self._outgoing = outgoing

    @property
    def last_context(self) -> contextvars.Context | None:
        """The context of the message that came last."""
        return getattr(self._incoming, "last_context", None)

    async def receive(self) -> SessionMessage | Exception:
        """Return the next message that can be read."""
        while True:
            item = await self._incoming.receive()
            if not isinstance(item, ValidationError):
                return item
            answer = _answer_to_unreadable(item)
            if answer is not None:
                await self._outgoing.send(SessionMessage(answer))

    async def aclose(self) -> None:
        """Close the stream."""
        await self._incoming.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


def _answer_to_unreadable(error: ValidationError) -> JSONRPCError | None:
    """Say why a line couldn't be read (JSON-RPC 2.0 §5.1), to the request that it was."""
    first = error.errors(include_url=False)[0]
    if first["type"] != "json_invalid":
        return _refusal(first["input"], INVALID_REQUEST, "This isn't a JSON-RPC 2.0 message.")
    line = str(first["input"])
    if not line.strip():
        return None
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return _refusal(
            None, PARSE_ERROR, "This line isn't JSON: send one JSON-RPC message a line."
        )
    if _SURROGATE.search(line):
        return _refusal(
            message,
            INVALID_REQUEST,
            "The message holds a lone surrogate (half of a \\uD83D\\uDE00 pair), which is no "
            "character and can't be stored. Send the whole character.",
        )
    return _refusal(message, INVALID_REQUEST, "This isn't a JSON-RPC 2.0 message.")


def _refusal(message: object, code: int, sentence: str) -> JSONRPCError:
    logger.warning("refused a line: %s", sentence)
    number = message.get("id") if isinstance(message, dict) else None
    known = number if isinstance(number, str | int) and not isinstance(number, bool) else None
    return JSONRPCError(jsonrpc="2.0", id=known, error=ErrorData(code=code, message=sentence))
