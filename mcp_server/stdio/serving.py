"""One client: the protocol at once, and the library behind it once it is open."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.stdio import stdio_server

from mcp_server.app import LiveCore
from mcp_server.config import Settings
from mcp_server.protocol.server import ServerOptions, build_server
from mcp_server.service.changes import ChangeFeed
from mcp_server.stdio.messages import Incoming, Outgoing, Unanswered
from mcp_server.stdio.streams import standard_output, take_standard_input
from storage.values.errors import PromptError, Unavailable

if TYPE_CHECKING:
    from mcp_server.service.library import Core

_HANDSHAKE_SECONDS = 0.5
"""The library is opened after this time even without a handshake."""
_LAST_WORDS_SECONDS = 0.1
"""Time to answer the requests that wait for a library that couldn't be opened."""

logger = logging.getLogger(__name__)


async def serve_stdio(
    settings: Settings, options: ServerOptions, give_up: Callable[[PromptError], NoReturn]
) -> None:
    """Serve until the client closes its end.

    `give_up` has to end the process: it is called if the library can't be opened, while a thread
    waits for the client's next line, which only the client can end.
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
        self._door = build_server(self._ready, options)
        self._door.server.middleware.append(self._note_answer)
        self._feed = ChangeFeed(self._door.changes.publish)
        self._core = LiveCore(settings, self._feed.hear)

    async def serve(self) -> None:
        """Speak the protocol until the client closes its end."""
        lines, unanswered = anyio.wrap_file(take_standard_input()), Unanswered()
        ended = self._door.changes.close
        empty_input = anyio.wrap_file(io.StringIO())  # the SDK reads none of our lines
        try:
            with standard_output() as output:
                async with stdio_server(empty_input, anyio.wrap_file(output)) as (_, write_stream):
                    outgoing = Outgoing(write_stream, unanswered)
                    await self._exchange(Incoming(lines, outgoing, unanswered, ended), outgoing)
        except* OSError as errors:
            self._give_up(_unwritable(errors))

    async def _exchange(self, incoming: Incoming, outgoing: Outgoing) -> None:
        options = self._door.initialization_options()
        await self._door.server.run(incoming, outgoing, options)

    async def keep_library(self) -> None:
        """Open the library once the handshake is answered, and keep it open."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._answered.wait(), _HANDSHAKE_SECONDS)
        try:
            await self._core.run()
        except PromptError as error:
            await asyncio.sleep(_LAST_WORDS_SECONDS)
            self._give_up(error)
        except Exception:
            logger.exception("the library failed in a way that nobody foresaw")
            self._give_up(PromptError("A fault in promptstack ended the server; see the log."))

    async def library_known(self) -> None:
        """Wait until the library is open: a client that leaves early learns of a failure, too."""
        self._answered.set()
        with suppress(PromptError):
            await self._core.ready()
            return
        await asyncio.sleep(60)  # the process is being given up

    async def tell_changes(self) -> None:
        """Notify the client of changes, until cancelled."""
        await self._feed.run()

    async def _ready(self) -> Core:
        return await self._core.ready()

    async def _note_answer(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        try:
            return await call_next(ctx)
        finally:
            if ctx.method in ("initialize", "server/discover"):
                self._answered.set()


def _unwritable(errors: BaseExceptionGroup[OSError]) -> Unavailable:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    reason = getattr(error, "strerror", None) or error
    return Unavailable(f"Standard output can't be written: {reason}. Let it lead to the client.")
