"""Responses: shapes as JSON, pages with their links, and what the documents say of failures."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from mcp_server.rest.conditions import write_etag
from mcp_server.rest.problems import MEDIA_TYPE, ProblemOut
from mcp_server.schemas.base import Shape

_REASONS = {
    400: "The body isn't JSON.",
    403: "This server may not do that: it only reads, or publishes only a part of the library.",
    404: "There is no such prompt, version, label or branch; or the prompt is archived.",
    408: "The body took too long to arrive.",
    409: "Somebody else got there first: the name is taken, or the version isn't the one expected.",
    412: "The prompt isn't what If-Match says any more.",
    413: "The body is too large.",
    415: "The body's type isn't JSON.",
    421: "The Host header names another server.",
    422: "Something in the request can't be used; each field at fault is named.",
    500: "A fault of the server; its log tells more.",
    503: "The database can't be reached now; nothing was changed. Try again after `Retry-After`.",
}
_ALWAYS = (403, 421, 422, 500, 503)
_WITH_BODY = (400, 408, 413, 415)

ETAG = {
    "ETag": {
        "description": "What If-None-Match and If-Match compare with.",
        "schema": {"type": "string"},
    }
}
NEXT = {
    "Link": {
        "description": 'The address of the next page, with rel="next"; absent on the last one.',
        "schema": {"type": "string"},
    }
}
LOCATION = {
    "Location": {"description": "The prompt's address.", "schema": {"type": "string"}},
}

Documented = dict[int | str, dict[str, Any]]


def documented(
    *failures: int,
    body: bool = False,
    status: int = 200,
    description: str = "Done.",
    headers: Mapping[str, Any] | None = None,
) -> Documented:
    """Return what a route's document says of its answers, every failure among them."""
    statuses = sorted({*failures, *_ALWAYS, *(_WITH_BODY if body else ())})
    answers: Documented = {status: {"description": description, "headers": dict(headers or {})}}
    return answers | {
        code: {
            "description": _REASONS[code],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}},
        }
        for code in statuses
    }


def problem_schema() -> dict[str, Any]:
    """Return the schema that the documented failures refer to."""
    return ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}")


def json_response(
    shape: Shape, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a shape as JSON."""
    return bytes_response(write_json(shape), status, headers)


def bytes_response(
    body: bytes, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return what was written as JSON already."""
    return Response(body, status, headers, media_type="application/json")


def write_json(shape: Shape) -> bytes:
    """Write a shape as JSON."""
    return shape.model_dump_json(by_alias=True, exclude_none=True).encode()


def state_headers(state: str) -> dict[str, str]:
    """Return the headers of a response that may be kept, but has to be asked about each time."""
    return {"etag": write_etag(state), "cache-control": "private, no-cache"}


def page_headers(request: Request, next_cursor: str | None) -> dict[str, str]:
    """Return the link to the next page, if there is one."""
    if next_cursor is None:
        return {}
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    query = urlencode([*kept, ("cursor", next_cursor)])
    return {"link": f'<{path_of(request)}?{query}>; rel="next"'}


def path_of(request: Request) -> str:
    """Return the path that was asked for, as it stands in a URL."""
    return request.url.path
