"""The callers of MCP requests, and the readers of prompts."""

from typing import TYPE_CHECKING

from mcp_types import GetPromptRequestParams

from mcp_server.protocol.errors import Context
from mcp_server.protocol.options import Ready
from mcp_server.service.callers import Caller, caller_in
from mcp_server.service.readers import Reader
from storage.values.errors import Invalid

if TYPE_CHECKING:
    from mcp_server.service.library import Library

MODEL_META = "promptstack/model_type"
KEY_META = "promptstack/key"
"""The `_meta` keys by which a request may name the model and the reader."""

_SESSION = "mcp-session-id"


class Callers:
    """Identifies the caller of a request, and returns the library in that caller's view."""

    def __init__(self, ready: Ready, usual: Caller) -> None:
        self.ready = ready
        """Waits for the library that all callers share."""
        self.usual = usual
        """The caller of requests that don't name one."""

    def caller(self, ctx: Context) -> Caller:
        """Return the caller of a request, with the name of its client program."""
        info = ctx.session.client_params and ctx.session.client_params.client_info
        return caller_in(_state(ctx), self.usual, info.name if info else None)

    async def library(self, ctx: Context) -> "Library":
        """Return the library in the view of a request's caller.

        Raises:
            Unavailable: the library can't be opened.
        """
        return (await self.ready()).seen_by(self.caller(ctx))

    def reader(self, ctx: Context, params: GetPromptRequestParams) -> Reader:
        """Return the reader of a prompt.

        Without a key in the request, it is the named caller, else the session, else the usual one.

        Raises:
            Invalid: the model or the key isn't text.
        """
        meta = params.meta or {}
        model_type, key = (_text(meta.get(name), name) for name in (MODEL_META, KEY_META))
        named_caller: Caller | None = getattr(_state(ctx), "caller", None)
        headers = getattr(ctx.request, "headers", {})
        default_key = (
            named_caller.name if named_caller else headers.get(_SESSION) or self.usual.name
        )
        return Reader(model_type, key or default_key)


def _state(ctx: Context) -> object:
    return getattr(ctx.request, "state", None)


def _text(value: object, name: str) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    raise Invalid(f"'_meta.{name}' has to be text. Write it in quotes, or leave it out.")
