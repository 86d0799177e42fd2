"""HTTP methods: HEAD wherever there is GET, and which ones a path has."""

from collections.abc import Iterable
from dataclasses import dataclass

from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAsGet:
    """Answers HEAD as GET would be answered, without the body (RFC 9110, 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            return await self._app(scope, receive, send)

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        # Asked as GET in a copy: to the server around us it stays a HEAD.
        asked = {**scope, "method": "GET"}
        await self._app(asked, receive, send_head)
        scope["route"] = asked.get("route")
        return None


@dataclass(frozen=True, slots=True)
class Methods:
    """The methods of every path."""

    routes: tuple[APIRoute, ...]

    @classmethod
    def of(cls, routes: Iterable[object]) -> "Methods":
        """Return the methods of some routes."""
        return cls(tuple(route for route in routes if isinstance(route, APIRoute)))

    def allowed(self, path: str) -> str:
        """Return the methods of a path as the header Allow lists them."""
        found = {
            method
            for route in self.routes
            if route.path_regex.match(path)
            for method in route.methods or ()
        }
        return ", ".join(sorted(found | ({"HEAD"} if "GET" in found else set())))
