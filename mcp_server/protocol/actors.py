"""Who is named as the author of what a request writes, and for whom one reads."""

from mcp_types import GetPromptRequestParams

from mcp_server.protocol.errors import Context
from mcp_server.service.inputs import Reader
from storage.values.errors import Invalid

MODEL_META = "promptstack/model_type"
KEY_META = "promptstack/key"
"""Where a client's request may say for which model and for whom it reads."""

_SESSION = "mcp-session-id"


def actor_of(ctx: Context, usual: str) -> str:
    """Return who acts: the one that an HTTP request carries, else the usual one."""
    return _named(ctx) or usual


def reader_of(ctx: Context, params: GetPromptRequestParams, usual: str) -> Reader:
    """Return for whom a prompt is read.

    Without a key it is whoever the request names, else its session, else the usual one.

    Raises:
        Invalid: what the request says of it isn't text.
    """
    meta = params.meta or {}
    model_type, key = (_text(meta.get(name), name) for name in (MODEL_META, KEY_META))
    headers = getattr(ctx.request, "headers", {})
    return Reader(model_type, key or _named(ctx) or headers.get(_SESSION) or usual)


def _named(ctx: Context) -> str | None:
    return getattr(getattr(ctx.request, "state", None), "actor", None)


def _text(value: object, name: str) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    raise Invalid(f"'_meta.{name}' has to be text. Write it in quotes, or leave it out.")
