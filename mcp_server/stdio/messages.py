"""The messages of one client: incoming, outgoing, and the requests that are still unanswered.

A client that closes its end may have sent requests right before. The SDK would cancel them, so the
end is withheld from it until they are answered.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import TracebackType
from typing import Self

import anyio
from mcp.shared._stream_protocols import WriteStream
from mcp.shared.dispatcher import coerce_request_id
from mcp.shared.jsonrpc_dispatcher import cancelled_request_id_from_params
from mcp.shared.message import SessionMessage
from mcp_types import (
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
)

from mcp_server.stdio.lines import Unreadable, read_message

LAST_ANSWERS_SECONDS = 10.0
"""How long requests may still take once the client has closed its end."""

logger = logging.getLogger(__name__)


class Unanswered:
    """The requests that wait for their answer."""

    def __init__(self) -> None:
        self._ids: set[RequestId] = set()
        self._fewer = anyio.Event()

    def note(self, message: JSONRPCMessage) -> None:
        """Note a message of either direction. A request that is cancelled is never answered."""
        match message:
            case JSONRPCRequest(id=request_id):
                self._ids.add(coerce_request_id(request_id))
            case JSONRPCResponse(id=request_id) | JSONRPCError(id=request_id):
                self._forget(request_id)
            case JSONRPCNotification(method="notifications/cancelled", params=params):
                self._forget(cancelled_request_id_from_params(params))

    async def none_left(self) -> None:
        """Wait until every request is answered."""
        while self._ids:
            self._fewer = anyio.Event()
            await self._fewer.wait()

    def _forget(self, request_id: RequestId | None) -> None:
        if request_id is not None:
            self._ids.discard(coerce_request_id(request_id))
            self._fewer.set()


class Outgoing:
    """The stream of messages to the client."""

    def __init__(self, stream: WriteStream[SessionMessage], unanswered: Unanswered) -> None:
        self._stream = stream
        self._unanswered = unanswered

    async def send(self, item: SessionMessage, /) -> None:
        """Send a message."""
        await self._stream.send(item)
        self._unanswered.note(item.message)

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


class Incoming:
    """The messages from the client; a line that isn't a message is answered with an error.

    `ended` is called once the client has closed its end, to end requests that last until then.
    """

    def __init__(
        self,
        lines: anyio.AsyncFile[bytes],
        outgoing: Outgoing,
        unanswered: Unanswered,
        ended: Callable[[], None],
    ) -> None:
        self._lines = lines
        self._outgoing = outgoing
        self._unanswered = unanswered
        self._ended = ended

    async def receive(self) -> SessionMessage | Exception:
        """Return the next message.

        Raises:
            EndOfStream: the client has closed its end, and its requests are answered or given up.
        """
        while line := await self._lines.readline():
            try:
                message = read_message(line)
            except Unreadable as fault:
                await self._refuse(fault)
                continue
            if message is not None:
                self._unanswered.note(message)
                return SessionMessage(message)
        await self._finish()
        raise anyio.EndOfStream

    async def aclose(self) -> None:
        """Leave the stream; its file stays open, since a thread may be waiting on it."""

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

    async def _finish(self) -> None:
        self._ended()
        with anyio.move_on_after(LAST_ANSWERS_SECONDS) as patience:
            await self._unanswered.none_left()
        if patience.cancelled_caught:
            logger.warning("the client left, and not all of its requests could be answered")

    async def _refuse(self, fault: Unreadable) -> None:
        logger.warning("refused a line: %s", fault.sentence)
        error = ErrorData(code=fault.code, message=fault.sentence)
        await self._outgoing.send(
            SessionMessage(JSONRPCError(jsonrpc="2.0", id=fault.request_id, error=error))
        )
