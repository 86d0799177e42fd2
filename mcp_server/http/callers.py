"""The acting user as a request names it: for local and staging use only."""

from dataclasses import replace

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_server.domain.texts import check_author
from mcp_server.doors import refusal
from mcp_server.problems import Problem
from mcp_server.service.callers import Caller
from storage.values.errors import Invalid

HEADER = "X-Dev-User"


class DevUser:
    """Takes the acting user from a header that anybody can send."""

    def __init__(self, app: ASGIApp, usual: Caller) -> None:
        self._app = app
        self._usual = usual

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the user that a request names, and pass it on."""
        header = Headers(scope=scope).get(HEADER) if scope["type"] == "http" else None
        if header:
            try:
                name = check_author(_decoded(header), HEADER)
            except (Invalid, UnicodeDecodeError) as error:
                detail = getattr(error, "message", f"The header {HEADER} isn't UTF-8.")
                problem = Problem(422, detail, {"fields": {HEADER: "is no user's name"}})
                return await refusal(problem, scope)(scope, receive, send)
            scope.setdefault("state", {})["caller"] = replace(self._usual, name=name)
        await self._app(scope, receive, send)
        return None


def _decoded(header: str) -> str:
    """Read a header, which ASGI hands over as Latin-1, as the UTF-8 that clients send."""
    return header.encode("latin-1").decode()
