"""`completion/complete`: values of arguments, and of the parameters in resource URIs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp.server.context import HandlerResult
from mcp_types import CompleteRequestParams, PromptReference

from mcp_server.protocol.callers import Callers
from mcp_server.protocol.errors import Context
from mcp_server.service.results import Completions
from storage.values.errors import Invalid, NotFound

if TYPE_CHECKING:
    from mcp_server.service.library import Library


class CompletionHandlers:
    """Completes the values that a person types."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    async def complete(self, ctx: Context, params: CompleteRequestParams) -> HandlerResult:
        """Offer values; a half-typed name that doesn't exist has none, which isn't an error."""
        library = await self._callers.library(ctx)
        try:
            completions = await _find(library, params)
        except (NotFound, Invalid):
            completions = Completions((), 0)
        return {
            "completion": {
                "values": list(completions.values),
                "total": completions.total,
                "hasMore": completions.has_more,
            }
        }


async def _find(library: Library, params: CompleteRequestParams) -> Completions:
    completing, typed = library.completing, params.argument.value
    if isinstance(params.ref, PromptReference):
        return await completing.argument(params.ref.name, params.argument.name, typed)
    arguments = (params.context and params.context.arguments) or {}
    match params.argument.name:
        case "name":
            return await completing.name(typed)
        case "version":
            return await completing.version(arguments.get("name", ""), typed)
        case "label":
            return await completing.label(arguments.get("name", ""), typed)
        case _:
            return Completions((), 0)
