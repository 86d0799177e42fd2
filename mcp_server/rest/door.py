"""What the handlers of every noun share: the library, and who is asking."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request

from mcp_server.service.library import Library


@dataclass(frozen=True, slots=True)
class RestDoor:
    """The library behind the door; `actor` writes where a request doesn't say who does.

    `max_import` bounds the bytes of a file that is imported.
    """

    ready: Callable[[], Awaitable[Library]]
    actor: str
    max_import: int = 1_000_000_000

    def actor_of(self, request: Request) -> str:
        """Return who is named as the author of what a request writes."""
        return getattr(request.state, "actor", None) or self.actor
