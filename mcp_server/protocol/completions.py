"""`completion/complete`: values of arguments, and what goes into the URIs of resources."""

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
    """Completes what a person types."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    async def complete(self, ctx: Context, params: CompleteRequestParams) -> HandlerResult:
        """Offer values; a half-typed name that means nothing yet has none, which is no error."""
        library = await self._callers.library(ctx)
        try:
            found = await _find(library, params)
        except (NotFound, Invalid):
            found = Completions((), 0)
        return {
            "completion": {
                "values": list(found.values),
                "total": found.total,
                "hasMore": found.has_more,
            }
        }


async def _find(library: Library, params: CompleteRequestParams) -> Completions:
    completing, typed = library.completing, params.argument.value
    if isinstance(params.ref, PromptReference):
        return await completing.argument(params.ref.name, params.argument.name, typed)
    given = (params.context and params.context.arguments) or {}
    match params.argument.name:
        case "name":
            return await completing.name(typed)
        case "version":
            return await completing.version(given.get("name", ""), typed)
        case "label":
            return await completing.label(given.get("name", ""), typed)
        case _:
            return Completions((), 0)
