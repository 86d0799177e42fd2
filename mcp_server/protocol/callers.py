"""Who asks over MCP, and for whom a prompt is read."""

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
"""Where a client's request may say for which model and for whom it reads."""

_SESSION = "mcp-session-id"


class Callers:
    """Tells who sends a request, and shows the library as they see it."""

    def __init__(self, ready: Ready, usual: Caller) -> None:
        self._ready = ready
        self.usual = usual
        """Who acts where a request doesn't say who does."""

    def caller(self, ctx: Context) -> Caller:
        """Return who sends a request, and with which program."""
        info = ctx.session.client_params and ctx.session.client_params.client_info
        return caller_in(_state(ctx), self.usual, info.name if info else None)

    async def library(self, ctx: Context) -> "Library":
        """Return the library as whoever sends a request sees it.

        Raises:
            Unavailable: it can't be brought up.
        """
        return (await self._ready()).seen_by(self.caller(ctx))

    def reader(self, ctx: Context, params: GetPromptRequestParams) -> Reader:
        """Return for whom a prompt is read.

        Without a key it is whoever the request names, else its session, else the usual one.

        Raises:
            Invalid: what the request says of it isn't text.
        """
        meta = params.meta or {}
        model_type, key = (_text(meta.get(name), name) for name in (MODEL_META, KEY_META))
        noted: Caller | None = getattr(_state(ctx), "caller", None)
        headers = getattr(ctx.request, "headers", {})
        usual = noted.name if noted else headers.get(_SESSION) or self.usual.name
        return Reader(model_type, key or usual)


def _state(ctx: Context) -> object:
    return getattr(ctx.request, "state", None)


def _text(value: object, name: str) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    raise Invalid(f"'_meta.{name}' has to be text. Write it in quotes, or leave it out.")
