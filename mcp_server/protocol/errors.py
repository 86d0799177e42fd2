"""Failures on their way out: a sentence for errors of the caller, no detail for bugs."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from mcp.server.context import HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS

from mcp_server.reasons import note_reason
from storage.values.errors import Conflict, Forbidden, Invalid, NotFound, PromptError, Unavailable

Context = ServerRequestContext[Any, Any]
Params = TypeVar("Params")
Handler = Callable[[Context, Params], Awaitable[HandlerResult]]

ERROR_META = "promptstack/error"
"""The `_meta` key of a failed tool result's details for programs."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """The name of a kind of failure, and its JSON-RPC code outside of tools."""

    name: str
    code: int


KINDS: Mapping[type[PromptError], ErrorKind] = {
    NotFound: ErrorKind("not_found", INVALID_PARAMS),
    Conflict: ErrorKind("conflict", INVALID_PARAMS),
    Invalid: ErrorKind("invalid", INVALID_PARAMS),
    Forbidden: ErrorKind("forbidden", INVALID_PARAMS),
    Unavailable: ErrorKind("unavailable", INTERNAL_ERROR),
}


def kind_of(error: PromptError) -> ErrorKind:
    """Return the kind of a failure.

    Raises:
        LookupError: the failure has no known kind, which is a bug.
    """
    for known, kind in KINDS.items():
        if isinstance(error, known):
            return kind
    raise LookupError(f"{type(error).__name__} is of no known kind")


def to_protocol_error(error: PromptError, asked: Mapping[str, object]) -> MCPError:
    """Return the failure of a request; `asked` is the name or URI that it repeats."""
    note_reason(error)
    kind = kind_of(error)
    return MCPError(kind.code, error.message, {"kind": kind.name, **asked, **error.data})


def to_failed_result(error: PromptError) -> dict[str, Any]:
    """Return the failure of a tool call: a sentence for the model, data for programs."""
    note_reason(error)
    return {
        "content": [{"type": "text", "text": error.account}],
        "isError": True,
        "_meta": {ERROR_META: {"kind": kind_of(error).name, **error.data}},
    }


def answering(handler: Handler[Params]) -> Handler[Params]:
    """Guard a handler: domain errors become protocol errors, and bugs show no detail.

    The legacy transports would send a bug's own text, and a validation error of ours as the
    caller's fault; so nothing but `MCPError` may leave.
    """

    async def answer(ctx: Context, params: Params) -> HandlerResult:
        try:
            return _complete(await handler(ctx, params))
        except PromptError as error:
            raise to_protocol_error(error, _asked(params)) from error
        except MCPError:
            raise
        except Exception:
            logger.exception("%s failed", ctx.method)
            raise MCPError(INTERNAL_ERROR, "Internal server error") from None

    return answer


def _complete(result: HandlerResult) -> HandlerResult:
    """Mark a plain result as complete, as the protocol requires since 2026-07-28."""
    return {"resultType": "complete", **result} if isinstance(result, dict) else result


def _asked(params: object) -> dict[str, object]:
    fields = {key: getattr(params, key, None) for key in ("name", "uri")}
    # A lone surrogate can't be sent back.
    return {
        key: value.encode(errors="replace").decode()
        for key, value in fields.items()
        if isinstance(value, str)
    }
