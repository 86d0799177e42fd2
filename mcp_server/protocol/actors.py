"""Who is named as the author of what a request writes."""

from mcp_server.protocol.errors import Context


def actor_of(ctx: Context, usual: str) -> str:
    """Return who acts: the one that an HTTP request carries, else the usual one."""
    state = getattr(ctx.request, "state", None)
    return getattr(state, "actor", None) or usual
