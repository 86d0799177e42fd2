"""Limits on one client's open streams and sessions, so that it can't take them from all others.

A client is an address as this server sees it or, for IPv6, the network of 64 bits that one customer
is given. Behind a proxy that is the proxy's, unless `FORWARDED_ALLOW_IPS` names the proxy.
"""

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_server.problems import Problem

SESSION_HEADER = "mcp-session-id"
_LISTEN = "subscriptions/listen"
_RETRY = {"retry-after": "60"}
_IPV6_CUSTOMER = 64


class ClientGuard:
    """Passes requests to `/mcp` on, and refuses those that would hold open too much."""

    def __init__(
        self, app: ASGIApp, *, most_streams: int, most_sessions: int, idle_seconds: float
    ) -> None:
        self._app = app
        self._most_streams = most_streams
        self._most_sessions = most_sessions
        self._streams: Counter[str] = Counter()
        self._opening: Counter[str] = Counter()
        self._sessions = _Sessions(idle_seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        headers = Headers(scope=scope)
        session = headers.get(SESSION_HEADER)
        if _is_stream(scope, headers):
            await self._stream(session, scope, receive, send)
        elif session is None and _is_handshake(scope, headers):
            await self._open(scope, receive, send)
        else:
            await self._go_on(session, scope, receive, send)

    async def _stream(
        self, session: str | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        client = client_of(scope)
        if self._streams[client] >= self._most_streams:
            return await _refuse(scope, receive, send, self._most_streams, "streams")
        with _counted(self._streams, client):
            await self._go_on(session, scope, receive, send)
        return None

    async def _open(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = client_of(scope)
        # Sessions that are still opening count, or many at once would slip through.
        if self._sessions.of(client) + self._opening[client] >= self._most_sessions:
            return await _refuse(scope, receive, send, self._most_sessions, "sessions")

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                session_id = Headers(raw=message["headers"]).get(SESSION_HEADER)
                if session_id is not None:
                    self._sessions.add(session_id, client)
            await send(message)

        with _counted(self._opening, client):
            await self._app(scope, receive, note)
        return None

    async def _go_on(self, session: str | None, scope: Scope, receive: Receive, send: Send) -> None:
        if session is None or session not in self._sessions:
            return await self._app(scope, receive, send)
        ended = (200, 202, 204, 404) if scope["method"] == "DELETE" else (404,)

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in ended:
                self._sessions.remove(session)
            await send(message)

        with self._sessions.using(session):
            await self._app(scope, receive, note)
        return None


@dataclass(slots=True)
class _Session:
    client: str
    last: float
    running: int = 0


class _Sessions:
    """The open sessions, counted in step with the SDK's session manager, which ends them.

    A session ends when its client says so, or after `idle_seconds` without a request. They are
    kept in the order of their last use, so that idle ones are found without looking at others.
    """

    def __init__(self, idle_seconds: float) -> None:
        self._idle_seconds = idle_seconds
        self._open: dict[str, _Session] = {}
        self._counts: Counter[str] = Counter()

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._open

    def of(self, client: str) -> int:
        """Return the number of a client's sessions."""
        self._forget_idle()
        return self._counts[client]

    def add(self, session_id: str, client: str) -> None:
        """Start to count a session."""
        self._open[session_id] = _Session(client, _now())
        self._counts[client] += 1

    def remove(self, session_id: str) -> None:
        """Stop counting a session."""
        session = self._open.pop(session_id, None)
        if session is not None:
            _less(self._counts, session.client)

    @contextmanager
    def using(self, session_id: str) -> Iterator[None]:
        """Keep a session from being idle while one of its requests is answered."""
        session = self._open[session_id]
        session.running += 1
        try:
            yield
        finally:
            session.running -= 1
            if self._open.pop(session_id, None) is not None:
                self._put_last(session_id, session)

    def _forget_idle(self) -> None:
        oldest = _now() - self._idle_seconds
        while self._open:
            session_id, session = next(iter(self._open.items()))
            if session.last > oldest:
                return
            if session.running:  # such as a stream that has been open for long
                del self._open[session_id]
                self._put_last(session_id, session)
            else:
                self.remove(session_id)

    def _put_last(self, session_id: str, session: _Session) -> None:
        session.last = _now()
        self._open[session_id] = session


def client_of(scope: Scope) -> str:
    """Return a client's address, or its network for IPv6; '' if there is none."""
    host = (scope.get("client") or ("", 0))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return str(host)
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), _IPV6_CUSTOMER), strict=False))


def _is_stream(scope: Scope, headers: Headers) -> bool:
    """Tell whether an answer lasts until its client leaves.

    A request of 2026-07-28 that names another method in its header than in its body is refused.
    """
    return scope["method"] == "GET" or headers.get("mcp-method") == _LISTEN


def _is_handshake(scope: Scope, headers: Headers) -> bool:
    """Tell whether a request without a session may open one."""
    version = headers.get("mcp-protocol-version")
    return scope["method"] == "POST" and (version is None or version in HANDSHAKE_PROTOCOL_VERSIONS)


async def _refuse(scope: Scope, receive: Receive, send: Send, most: int, what: str) -> None:
    variable = f"PROMPTSTACK_MAX_{what.upper()}_PER_CLIENT"
    problem = Problem(
        429,
        f"This client has as many {what} open as one address may: {most:,}. Close some of them, or "
        f"ask the operator to raise {variable}.",
        headers=_RETRY,
    )
    await problem.response(scope["path"])(scope, receive, send)


@contextmanager
def _counted(counts: Counter[str], client: str) -> Iterator[None]:
    counts[client] += 1
    try:
        yield
    finally:
        _less(counts, client)


def _less(counts: Counter[str], client: str) -> None:
    counts[client] -= 1
    if not counts[client]:
        del counts[client]


def _now() -> float:
    return asyncio.get_running_loop().time()
