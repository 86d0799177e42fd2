"""What a request asks for, where it isn't what the protocol says.

The SDK checks a request before its handler sees it, and says no more than that the parameters are
invalid. Here they are checked by the same models, and every fault is named.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from mcp.server.context import CallNext, HandlerResult
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_REQUEST
from pydantic import ValidationError

from mcp_server.protocol.errors import Context, to_protocol_error

_UNINITIALIZED = "Invalid request parameters"
"""What the SDK says of any request before the handshake."""
_REFERENCES = (
    'should be a prompt, as {"type": "ref/prompt", "name": "review"}, or a template, as '
    '{"type": "ref/resource", "uri": "prompt://{name}"}'
)


async def readable_params(ctx: Context, call_next: CallNext) -> HandlerResult:
    """Answer a request, as middleware; one whose parameters can't be read with what is wrong."""
    try:
        return await call_next(_loosened(ctx))
    except ValidationError as error:
        raise _refusal(ctx, error) from None
    except MCPError as error:
        if error.message == _UNINITIALIZED and ctx.session.client_params is None:
            raise _not_initialized(ctx.method) from None
        raise


def _loosened(ctx: Context) -> Context:
    """Take the values of a prompt's arguments as JSON has them, which isn't always text."""
    if ctx.params is None:
        return replace(ctx, params={})
    given = ctx.params.get("arguments")
    if ctx.method != "prompts/get" or not isinstance(given, Mapping):
        return ctx
    arguments = {key: _as_text(value) for key, value in given.items() if value is not None}
    return replace(ctx, params={**ctx.params, "arguments": arguments})


def _as_text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _refusal(ctx: Context, error: ValidationError) -> MCPError:
    # Loaded here: shapes aren't needed for the handshake.
    from mcp_server.schemas.base import refusal

    faults = list(_faults(error, ctx.params or {}))
    return to_protocol_error(refusal(f"The parameters of {ctx.method}", faults), {})


def _faults(error: ValidationError, params: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for fault in error.errors(include_url=False, include_context=False):
        place = tuple(step for step in fault["loc"] if step != "params")
        if place[:1] == ("ref",) and "ref" in params:
            # It may be either of two forms, and each of them is said to lack something.
            yield {"loc": ("ref",), "type": "ref", "msg": _REFERENCES, "input": params["ref"]}
        else:
            yield {**fault, "loc": place}


def _not_initialized(method: str) -> MCPError:
    return MCPError(
        INVALID_REQUEST,
        f"{method} was asked before the handshake. Send 'initialize' first, or speak 2026-07-28, "
        "where each request says in its '_meta' what the handshake would.",
    )
