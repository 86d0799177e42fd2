"""`tools/list` and `tools/call`.

The table of tools and the shapes behind it are loaded on first use, as no handshake needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp.server.context import HandlerResult
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolRequestParams, PaginatedRequestParams

from mcp_server.protocol.callers import Callers
from mcp_server.protocol.errors import Context, to_failed_result
from storage.values.errors import PromptError
from storage.values.pages import decode_cursor

if TYPE_CHECKING:
    from mcp_server.protocol.tools.tool import Tool


class ToolHandlers:
    """Lists the tools and calls them."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    async def list(self, ctx: Context, params: PaginatedRequestParams) -> HandlerResult:
        """List the tools; a server that only reads leaves out those that write."""
        from mcp_server.protocol.tools.table import offered

        if params.cursor is not None:
            decode_cursor("tools", params.cursor)
        read_only = not self._callers.caller(ctx).may_write
        return {"tools": [tool.declaration for tool in offered(read_only)]}

    async def call(self, ctx: Context, params: CallToolRequestParams) -> HandlerResult:
        """Call a tool; a domain error comes back as a failed result that the model can read."""
        caller = self._callers.caller(ctx)
        tool = _find(params.name, read_only=not caller.may_write)
        try:
            if tool.writes:
                caller.check_may_write()
            arguments = tool.input.read(params.arguments)
            library = (await self._callers.ready()).seen_by(caller)
            outcome = await tool.run(library, arguments)
        except PromptError as error:
            return to_failed_result(error)
        return {
            "content": [{"type": "text", "text": tool.say(outcome)}],
            "structuredContent": outcome.write(),
        }


def _find(name: str, read_only: bool) -> Tool[Any, Any]:
    """Return a tool by name, even one that isn't offered here: it is refused with the reason.

    Raises:
        MCPError: there is no such tool; that is a mistake of the client, not of the model.
    """
    from mcp_server.domain.names import did_you_mean, nearest
    from mcp_server.domain.texts import shown
    from mcp_server.protocol.tools.table import TOOLS, offered

    if name in TOOLS:
        return TOOLS[name]
    names = [tool.name for tool in offered(read_only)]
    near = nearest(name, names)
    hint = did_you_mean(near) or f" The tools are {', '.join(names)}."
    raise MCPError(
        INVALID_PARAMS,
        f"There is no tool '{shown(name)}'.{hint}",
        {"kind": "not_found", "name": shown(name), "nearest": list(near)},
    )
