"""Parameters of requests, and refusals that name every fault in them.

The SDK checks a request before its handler sees it, but only answers that the parameters are
invalid. This middleware turns that check's error into one that names every fault.
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
"""The SDK's answer to any request before the handshake."""
_REFERENCES = (
    'should be a prompt, as {"type": "ref/prompt", "name": "review"}, or a template, as '
    '{"type": "ref/resource", "uri": "prompt://{name}"}'
)


async def readable_params(ctx: Context, call_next: CallNext) -> HandlerResult:
    """Middleware that refuses unreadable parameters with the list of their faults."""
    try:
        return await call_next(_with_text_arguments(ctx))
    except ValidationError as error:
        raise _refusal(ctx, error) from None
    except MCPError as error:
        if error.message == _UNINITIALIZED and ctx.session.client_params is None:
            raise _not_initialized(ctx.method) from None
        raise


def _with_text_arguments(ctx: Context) -> Context:
    """Turn numbers and booleans among a prompt's arguments into text; drop nulls."""
    if ctx.params is None:
        return replace(ctx, params={})
    arguments = ctx.params.get("arguments")
    if ctx.method != "prompts/get" or not isinstance(arguments, Mapping):
        return ctx
    texts = {key: _as_text(value) for key, value in arguments.items() if value is not None}
    return replace(ctx, params={**ctx.params, "arguments": texts})


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
            # A reference has two forms, and pydantic reports the faults of both.
            yield {"loc": ("ref",), "type": "ref", "msg": _REFERENCES, "input": params["ref"]}
        else:
            yield {**fault, "loc": place}


def _not_initialized(method: str) -> MCPError:
    return MCPError(
        INVALID_REQUEST,
        f"{method} was asked before the handshake. Send 'initialize' first, or speak 2026-07-28, "
        "where each request says in its '_meta' what the handshake would.",
    )
