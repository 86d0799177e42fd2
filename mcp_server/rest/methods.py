"""HTTP methods: HEAD wherever there is GET, and the methods of a path."""

from collections.abc import Iterable
from dataclasses import dataclass

from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAsGet:
    """Answers HEAD like GET, without the body (RFC 9110, 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a HEAD request; pass others on."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            return await self._app(scope, receive, send)

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        # GET goes into a copy: for the server around us the request stays a HEAD.
        get_scope = {**scope, "method": "GET"}
        await self._app(get_scope, receive, send_head)
        scope["route"] = get_scope.get("route")
        return None


@dataclass(frozen=True, slots=True)
class Methods:
    """The methods of every path."""

    routes: tuple[APIRoute, ...]

    @classmethod
    def of(cls, routes: Iterable[object]) -> "Methods":
        """Return the methods of the API routes among `routes`."""
        return cls(tuple(route for route in routes if isinstance(route, APIRoute)))

    def allowed(self, path: str) -> str:
        """Return the methods of a path as the header Allow lists them."""
        methods = {
            method
            for route in self.routes
            if route.path_regex.match(path)
            for method in route.methods or ()
        }
        return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
