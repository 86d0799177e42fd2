"""What the handlers of every noun share: the library, as whoever is asking sees it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request

from mcp_server.service.callers import Caller, caller_in
from mcp_server.service.library import Core, Library


@dataclass(frozen=True, slots=True)
class RestDoor:
    """The library behind the door; `caller` acts where a request doesn't say who does.

    `max_import` bounds the bytes of a file that is imported.
    """

    ready: Callable[[], Awaitable[Core]]
    caller: Caller
    max_import: int = 1_000_000_000

    async def library(self, request: Request) -> Library:
        """Return the library as whoever sends a request sees it.

        Raises:
            Unavailable: it can't be brought up.
        """
        client = request.headers.get("user-agent")
        return (await self.ready()).seen_by(caller_in(request.state, self.caller, client))
