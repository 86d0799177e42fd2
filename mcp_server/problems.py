"""Failures as RFC 9457 problems: `application/problem+json`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mcp_server.domain.texts import shown
from mcp_server.reasons import note_reason
from storage.values.errors import Conflict, Forbidden, Invalid, NotFound, PromptError, Unavailable

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 1
_IN_PATHS = "/!$&'()*+,;=:@"
"""The characters that aren't escaped in the path of a URL (RFC 3986, 3.3)."""

STATUSES: Mapping[type[PromptError], int] = {
    NotFound: 404,
    Conflict: 409,
    Invalid: 422,
    Forbidden: 403,
    Unavailable: 503,
}
_KINDS = {
    400: "invalid",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    412: "conflict",
    422: "invalid",
    500: "bug",
    503: "unavailable",
}
_TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}
"""As RFC 9110 has them; Python's own differ from one version to the next."""
_BUG = "The server failed in a way that nobody foresaw; its log tells more under the request's id."


class ProblemOut(BaseModel):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(
        description="A URN of the kind of problem: urn:promptstack:problem:not_found, conflict, "
        "invalid, forbidden, unavailable; or about:blank, where the status says it all.",
        examples=["urn:promptstack:problem:not_found"],
    )
    title: str = Field(description="The status in words.", examples=["Not Found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(
        description="What is wrong, and what to do about it.",
        examples=["There is no prompt named 'revew'. Did you mean 'review'?"],
    )
    instance: str = Field(description="The path that was asked for.", examples=["/prompts/revew"])
    nearest: list[str] | None = Field(
        None, description="Existing names that look like the one asked for, best first."
    )
    current_version: int | None = Field(
        None, description="The version that is there now, where a write met another one."
    )
    conflicts: list[dict[str, Any]] | None = Field(
        None,
        description="The places that both sides of a merge changed differently: `place` (a field "
        "of the prompt), `line` (in the text of `into`), and what it is in `base`, `ours` and "
        "`theirs`.",
    )
    fields: dict[str, str] | None = Field(
        None, description="Each field at fault, and what is wrong with it."
    )


@dataclass(frozen=True, slots=True)
class Problem:
    """A failure on its way to a client."""

    status: int
    detail: str = _BUG
    data: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, error: PromptError, *, conditional: bool = False) -> "Problem":
        """Present a failure; a conflict with a request's own condition is a 412."""
        note_reason(error)
        status = next(code for kind, code in STATUSES.items() if isinstance(error, kind))
        # A merge's conflicts have nothing to do with the request's condition.
        if conditional and isinstance(error, Conflict) and not error.conflicts:
            status = 412
        retry = {"retry-after": str(RETRY_SECONDS)} if status == 503 else {}
        return cls(status, error.message, error.data, retry)

    def body(self, path: str) -> dict[str, Any]:
        """Return the JSON for a request of that path."""
        kind = _KINDS.get(self.status)
        return {
            "type": f"urn:promptstack:problem:{kind}" if kind else "about:blank",
            "title": _TITLES.get(self.status) or HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "instance": quote(path, _IN_PATHS, errors="replace"),
            **self.data,
        }

    def response(self, path: str) -> Response:
        """Return the response to a request for that path."""
        # A path may bring in surrogates, which can't be encoded.
        content = json.dumps(self.body(path), ensure_ascii=False).encode(errors="replace")
        return Response(content, self.status, dict(self.headers), MEDIA_TYPE)


async def on_bug(request: Request, error: Exception) -> Response:
    """Answer a request that failed in an unforeseen way; the caller logs that."""
    return Problem(500).response(request.scope["path"])


def of_http(request: Request, error: HTTPException, allowed: str) -> Problem:
    """Present an HTTP exception; `allowed` lists the methods of the path."""
    path = shown(request.scope["path"])
    if error.status_code == 404:
        return Problem(404, f"There is nothing at '{path}'. The API is described at /docs.")
    if error.status_code == 405:
        detail = f"'{path}' can't be asked with {request.method}. It can be with {allowed}."
        return Problem(405, detail, headers={"allow": allowed})
    return Problem(error.status_code, f"{error.detail}.", headers=error.headers or {})
