"""The library that the handlers of every noun share, in the view of a request's caller."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request

from mcp_server.service.callers import Caller, caller_in
from mcp_server.service.library import Core, Library


@dataclass(frozen=True, slots=True)
class RestDoor:
    """The library behind the door; `caller` acts unless a request names another one.

    `max_import` is the most bytes of a file that is imported.
    """

    ready: Callable[[], Awaitable[Core]]
    caller: Caller
    max_import: int = 1_000_000_000

    async def library(self, request: Request) -> Library:
        """Return the library in the view of a request's caller.

        Raises:
            Unavailable: the library can't be opened.
        """
        client = request.headers.get("user-agent")
        return (await self.ready()).seen_by(caller_in(request.state, self.caller, client))
