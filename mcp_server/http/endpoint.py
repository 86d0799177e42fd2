"""MCP at one address, for both protocol eras (Streamable HTTP, MCP 2025-11-25 and 2026-07-28).

Requests of 2026-07-28 stand alone. Clients of the earlier era have sessions, each with a stream
for notifications; without sessions any replica answers any request, but nobody can be notified.
"""

import anyio
from anyio.abc import TaskStatus
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import Receive, Scope, Send

from mcp_server.protocol.server import McpDoor
from mcp_server.rest.problems import Problem
from storage.errors import Unavailable

MCP_PATH = "/mcp"


class McpEndpoint:
    """The ASGI application of the MCP server; answers while `run` runs."""

    def __init__(self, door: McpDoor, *, stateless: bool, max_body: int) -> None:
        self._changes = door.changes
        # No handler sends anything beside its answer, so a plain JSON body says it all; the host is
        # checked for every path, in front of this one.
        self._sessions = StreamableHTTPSessionManager(
            door.server,
            json_response=True,
            stateless=stateless,
            max_request_body_size=max_body,
        )
        self._closing = anyio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if self._closing.is_set():
            ending = Unavailable("This server is ending. Try again: another one answers.")
            return await Problem.of(ending).response(scope["path"])(scope, receive, send)
        await self._sessions.handle_request(scope, receive, send)

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Keep the sessions until `close`."""
        async with self._sessions.run():
            task_status.started()
            await self._closing.wait()

    def end_streams(self) -> None:
        """End the streams of 2026-07-28 in good order: their last frame says that it was meant."""
        self._changes.close()

    def close(self) -> None:
        """End every session, and with it the stream of its notifications."""
        self._closing.set()
