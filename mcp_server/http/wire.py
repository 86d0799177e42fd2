"""HTTP on the wire: uvicorn's protocol, with four things that it leaves to others.

An answer's head and body are sent together. uvicorn writes them one after the other, and a write is
the dearest thing that happens to a small answer (docs/decisions/0007). A client that doesn't finish
its request's head in time, or in a bearable size, is let go, so that such ones don't use up the
connections and the memory; what comes behind a body is bounded in the same way. The fields behind
it (trailers) are dropped: nothing here asks for any, and merged into the head they would change
what was already looked at (RFC 9110, section 6.5.1). And an idle connection outlives the wish to
stop for a moment: closed at once, it would take a request with it that is on its way, and its
client couldn't know whether that was done.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 20.0
"""How long a client may take to send a request's head."""
HEAD_BYTES = 65_536
"""How much may come that is nobody's body, as heads and trailers, without an end in sight."""
LAST_SECONDS = 1.0
"""How long an idle connection may bring another request once the server is being stopped."""

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n"
    b"connection: close\r\n\r\n"
)


class Wire(HttpToolsProtocol):
    """One connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(_Gathering(transport, self.loop))  # type: ignore[arg-type]
        self._patience: asyncio.TimerHandle | None = None
        self._is_ending = False
        self._is_in_head = False
        self._framing = 0  # bytes since the last that belonged to a body
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Take in a part of a request."""
        if self._patience is None and self._is_idle():
            self._wait_for_head()
        self._framing += len(data)
        super().data_received(data)
        if self._framing > HEAD_BYTES:
            self._refuse_framing()

    def on_message_begin(self) -> None:
        """Begin to read a head."""
        super().on_message_begin()
        self._is_in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of the head; one that comes behind the body is dropped."""
        if self._is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer: the head is there."""
        self._is_in_head = False
        self._framing = 0
        self._stop_waiting()
        super().on_headers_complete()
        if self._is_ending:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Take in a part of a body."""
        self._framing = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Know that the request is whole, with what came behind its body."""
        self._framing = 0
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Close after the request that is being answered, or that comes soon."""
        self._is_ending = True
        if self._is_idle():
            self.loop.call_later(LAST_SECONDS, self._close_if_idle)
        else:
            self.cycle.keep_alive = False

    def _close_if_idle(self) -> None:
        if self._is_idle():
            self.transport.close()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _refuse_framing(self) -> None:
        self._stop_waiting()
        if self.transport.is_closing():
            return
        if self._can_refuse():
            self.transport.write(_TOO_LARGE)
        self.transport.close()

    def _can_refuse(self) -> bool:
        """Tell whether an answer written now would be taken for this request's."""
        return self._is_idle() or not (
            self._is_in_head or self.cycle.response_started or self.pipeline
        )

    def _wait_for_head(self) -> None:
        self._framing = 0
        self._patience = self.loop.call_later(HEAD_SECONDS, self._let_go)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _let_go(self) -> None:
        self._patience = None
        self.transport.close()


class _Gathering:
    """A transport that sends what is written within one turn of the event loop all at once."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._waiting: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Send some bytes, soon."""
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(data)

    def close(self) -> None:
        """Send what is left, and close."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting and not self._transport.is_closing():
            self._transport.write(b"".join(waiting))
