"""Asking the user for the arguments that a prompt still needs.

A client of 2026-07-28 that can ask its user is answered `input_required` with a form, and calls
again with the user's answers (MCP 2026-07-28, multi round-trip requests). Older clients, and those
that can't ask, get the error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp_types import ElicitResult, GetPromptRequestParams
from mcp_types.methods import is_input_required
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from mcp_server.protocol.contents import Json
from mcp_server.protocol.errors import Context

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server.service.results import Missing
    from storage.values.entities import Argument

ASKED = "arguments"
"""The key of the form in the answer, and of the user's values in the next request."""

_TYPES = {"integer": "integer", "number": "number", "boolean": "boolean"}
_AUDIENCE = "promptstack"


def can_ask(ctx: Context) -> bool:
    """Return whether the client can be answered with a question."""
    capabilities = ctx.session.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    # One that names no mode fills in forms.
    fills_forms = elicitation is not None and (elicitation.form is not None or not elicitation.url)
    return ctx.protocol_version in MODERN_PROTOCOL_VERSIONS and fills_forms


def filled_in(params: GetPromptRequestParams) -> Mapping[str, Any]:
    """Return the user's values: none if nobody was asked, or the user declined."""
    response = (params.input_responses or {}).get(ASKED)
    if not isinstance(response, ElicitResult) or response.action != "accept":
        return {}
    return response.content or {}


def was_asked(params: GetPromptRequestParams) -> bool:
    """Return whether the user was asked already, with any outcome."""
    return ASKED in (params.input_responses or {})


def question(missing: Missing) -> Json:
    """Return the form that asks for missing arguments.

    The reference goes along as the request's state, so that the version that is rendered is the one
    that the form is about, even if a label has moved meanwhile.
    """
    prompt = missing.source.prompt
    return {
        "resultType": "input_required",
        "inputRequests": {
            ASKED: {
                "method": "elicitation/create",
                "params": {
                    "mode": "form",
                    "message": f"The prompt '{prompt.title or prompt.name}' needs "
                    f"{_listed(missing.arguments)}.",
                    "requestedSchema": {
                        "type": "object",
                        "properties": {each.name: _field(each) for each in missing.arguments},
                        "required": [each.name for each in missing.arguments],
                    },
                },
            }
        },
        "requestState": f"{prompt.name}@{missing.source.version.version}",
    }


def _field(argument: Argument) -> Json:
    field: Json = {"type": _TYPES.get(argument.type, "string")}
    if argument.title:
        field["title"] = argument.title
    if argument.description:
        field["description"] = argument.description
    if argument.choices and field["type"] == "string":
        field["enum"] = list(argument.choices)
    return field


def _listed(arguments: Sequence[Argument]) -> str:
    names = [f"'{each.title or each.name}'" for each in arguments]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


class SealedState:
    """Middleware that seals the state of a question, so that a client can't change it.

    The sealing code is loaded on first use: the handshake doesn't need it. Without keys, one is
    made that lives as long as this process, which suits a single replica.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = keys
        self._boundary: Any = None

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Check an incoming state, and seal an outgoing one."""
        if ctx.method != "prompts/get":
            return await call_next(ctx)
        if (ctx.params or {}).get("requestState") is not None:
            return await self._sealing(ctx, call_next)
        result = await call_next(ctx)

        async def answer(_: ServerRequestContext[Any, Any]) -> HandlerResult:
            return result

        return await self._sealing(ctx, answer) if is_input_required(result) else result

    async def _sealing(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        if self._boundary is None:
            self._boundary = self._make()
        result: HandlerResult = await self._boundary(ctx, call_next)
        return result

    def _make(self) -> Any:
        from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity

        security = (
            RequestStateSecurity(keys=list(self._keys))
            if self._keys
            else RequestStateSecurity.ephemeral()
        )
        return RequestStateBoundary(security, default_audience=_AUDIENCE)
