"""MCP at one address, for both protocol eras (Streamable HTTP, MCP 2025-11-25 and 2026-07-28).

Requests of 2026-07-28 stand alone. Clients of the earlier era have sessions, each with a stream
for notifications; without sessions any replica answers any request, but nobody can be notified.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import Receive, Scope, Send

from mcp_server.config import Settings
from mcp_server.doors import Door
from mcp_server.http.clients import ClientGuard
from mcp_server.problems import Problem
from mcp_server.protocol.server import McpDoor
from storage.values.errors import Unavailable

MCP_PATH = "/mcp"
SESSION_IDLE_SECONDS = 1_800.0
"""How long a session is kept without a request or an open stream."""

_ENDING = Unavailable("This server is ending. Try again: another one answers.")


class McpEndpoint:
    """The ASGI application of the MCP server; answers while `running` runs."""

    def __init__(self, door: McpDoor, settings: Settings) -> None:
        self._changes = door.changes
        # No handler sends anything beside its answer, so a plain JSON body says it all; the host is
        # checked for every path, in front of this one.
        self._sessions = StreamableHTTPSessionManager(
            door.server,
            json_response=True,
            stateless=settings.stateless,
            max_request_body_size=settings.max_body,
            session_idle_timeout=SESSION_IDLE_SECONDS,
        )
        self._clients = ClientGuard(
            self._sessions.handle_request,
            most_streams=settings.max_streams_per_client,
            most_sessions=settings.max_sessions_per_client,
            idle_seconds=SESSION_IDLE_SECONDS,
        )
        self._streams: set[anyio.CancelScope] = set()
        self._is_ending = False
        self._is_closed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        opens_stream = _is_stream(scope)
        if self._is_closed or (self._is_ending and opens_stream):
            await Problem.of(_ENDING).response(scope["path"])(scope, receive, send)
        elif opens_stream:
            await self._stream(scope, receive, send)
        else:
            await self._clients(scope, receive, send)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the sessions while the block runs."""
        async with self._sessions.run():
            yield
            self._is_closed = True

    def end_streams(self) -> None:
        """End the streams for notifications, and refuse new ones.

        Those of 2026-07-28 end in good order: their last frame says that it is last. Requests are
        still answered, in sessions too.
        """
        self._is_ending = True
        self._changes.close()
        for stream in self._streams:
            stream.cancel()

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Keep the stream of a session until it leaves, or the streams are ended."""
        with anyio.CancelScope() as stream:
            self._streams.add(stream)
            try:
                await self._clients(scope, receive, send)
            finally:
                self._streams.remove(stream)


def mcp_door(server: McpDoor, settings: Settings) -> Door:
    """Return an MCP server as a door."""
    endpoint = McpEndpoint(server, settings)
    return Door(
        app=endpoint,
        paths=(MCP_PATH,),
        route=lambda scope: MCP_PATH,
        is_stream=_is_stream,
        end_streams=endpoint.end_streams,
        hear=server.changes.publish,
        running=endpoint.running,
    )


def _is_stream(scope: Scope) -> bool:
    """Tell whether a request opens the notification stream of a session of the earlier era."""
    return bool(scope["method"] == "GET")
