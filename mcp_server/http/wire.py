"""HTTP on the wire: uvicorn's protocol, with four additions.

An answer's head and body are sent together. uvicorn writes them one after the other, and a write is
the most expensive part of a small answer (docs/decisions/0007). A client that doesn't finish its
request's head in time, or within a tolerable size, is disconnected, so that such clients don't use
up connections and memory; the data behind a body is limited in the same way. The fields there
(trailers) are dropped: nothing here needs any, and merged into the head they would change fields
that were already checked (RFC 9110, section 6.5.1). And an idle connection stays open for a moment
when the server stops: closed at once, it could lose a request that is on its way, and its client
couldn't know whether that was done.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 20.0
"""How long a client may take to send a request's head."""
HEAD_BYTES = 65_536
"""The most bytes outside of bodies, as heads and trailers, that may arrive without an end."""
LAST_SECONDS = 1.0
"""How long an idle connection may bring another request once the server is stopping."""

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
        self._framing = 0  # bytes since the last one of a body
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Read a part of a request; refuse one whose head or trailers are too large."""
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
        """Keep a field of the head; drop one that comes after the body."""
        if self._is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer: the head is complete."""
        self._is_in_head = False
        self._framing = 0
        self._stop_waiting()
        super().on_headers_complete()
        if self._is_ending:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Read a part of a body."""
        self._framing = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the request is complete, including its trailers."""
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
        """Tell whether an answer written now would be taken for the answer to this request."""
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
    """A transport that sends all writes within one turn of the event loop together."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._waiting: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Queue bytes, to be sent in the next turn of the event loop."""
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(data)

    def close(self) -> None:
        """Send the queued bytes, and close."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _flush(self) -> None:
        queued, self._waiting = self._waiting, []
        if queued and not self._transport.is_closing():
            self._transport.write(b"".join(queued))
