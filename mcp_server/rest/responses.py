"""Responses: shapes as JSON, pages with their links, and failures in the document."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from mcp_server.problems import MEDIA_TYPE, RETRY_SECONDS, Problem
from mcp_server.rest.conditions import write_etag
from mcp_server.schemas.base import Shape

_REASONS = {
    400: "The body isn't JSON.",
    403: "This server may not do that: it only reads, or publishes only a part of the library; or "
    "the request comes from a page of another origin.",
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
_EXAMPLES: Mapping[int, tuple[str, Mapping[str, Any]]] = {
    400: ("The body can't be read as JSON: it can't be read from character 17 on.", {}),
    403: (
        "This server was started with --read-only: it can't change the library. Ask for a server "
        "without that option.",
        {},
    ),
    404: (
        "There is no prompt named 'code-reviw'. Did you mean 'code-review'?",
        {"nearest": ["code-review"]},
    ),
    408: ("The body didn't arrive within 30 seconds. Send it again.", {}),
    409: (
        "'code-review' is at version 2, not at version 1 as expected. Read version 2, merge your "
        "change into it, and write again with expected_version 2.",
        {"current_version": 2},
    ),
    412: (
        "'code-review' has changed since you read it; its newest version is 2. Nothing was "
        "written: read it again, and put your change into what you find.",
        {"current_version": 2},
    ),
    413: ("The body is larger than 4,194,304 bytes, the most that this server accepts.", {}),
    415: ("The body's Content-Type is 'text/plain'. Send JSON, as application/json.", {}),
    421: ("This server isn't reached by the host name 'other.example'.", {}),
    422: (
        "The request can't be used: 'titel' is unknown. Did you mean 'title'?",
        {"fields": {"titel": "Is unknown. Did you mean 'title'?"}},
    ),
    503: ("The database went away; nothing was changed. Try again in a moment.", {}),
}
_ALWAYS = (403, 421, 422, 500, 503)
_SENDING = (408, 413, 415)
"""The failures of any body, whether the route reads it or not."""

ETAG = {
    "ETag": {
        "description": "What If-None-Match and If-Match compare with.",
        "schema": {"type": "string"},
        "example": '"583cbab957e93e9707aed88d"',
    },
    "Cache-Control": {
        "description": "To be kept by whoever asked, and to be asked about each time.",
        "schema": {"type": "string"},
        "example": "private, no-cache",
    },
}
NEXT = {
    "Link": {
        "description": 'The address of the next page, with rel="next"; absent on the last one.',
        "schema": {"type": "string"},
        "example": '</prompts?limit=20&cursor=q3Vd0xNbWyJyZXZpZXciXQ>; rel="next"',
    }
}
LOCATION = {
    "Location": {
        "description": "The prompt's address.",
        "schema": {"type": "string"},
        "example": "/prompts/code-review",
    },
}
_RETRY = {
    "Retry-After": {
        "description": "After how many seconds to try again.",
        "schema": {"type": "string"},
        "example": str(RETRY_SECONDS),
    }
}

Documented = dict[int | str, dict[str, Any]]

UNCHANGED: Documented = {
    304: {"description": "It is still what If-None-Match says.", "headers": ETAG}
}


def documented(
    *failures: int,
    body: bool = False,
    writes: bool = False,
    status: int = 200,
    description: str = "Done.",
    headers: Mapping[str, Any] | None = None,
) -> Documented:
    """Return a route's answers for the document, including every failure.

    `body` means that the route reads one; `writes`, that it doesn't, but a client may send one.
    """
    body_failures = (400, *_SENDING) if body else _SENDING if writes else ()
    answers: Documented = {status: {"description": description, "headers": dict(headers or {})}}
    return answers | {
        code: {
            "description": _REASONS[code],
            "headers": dict(_RETRY if code == 503 else {}),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}},
        }
        for code in sorted({*failures, *_ALWAYS, *body_failures})
    }


def problem_example(status: int, path: str) -> dict[str, Any]:
    """Return the body of a problem that a client of a path may get."""
    examples = {"{prompt}": "code-reviw" if status == 404 else "code-review"}
    examples |= {"{version}": "1", "{label}": "production", "{branch}": "terse"}
    for place, value in examples.items():
        path = path.replace(place, value)
    if status == 500:
        return Problem(500).body(path)
    detail, data = _EXAMPLES[status]
    return Problem(status, detail, data).body(path)


def json_response(
    shape: Shape, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the JSON response of a shape."""
    return bytes_response(write_json(shape), status, headers)


def bytes_response(
    body: bytes, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the response of a body that is JSON already."""
    return Response(body, status, headers, media_type="application/json")


def write_json(shape: Shape) -> bytes:
    """Write a shape as JSON."""
    return shape.model_dump_json(by_alias=True, exclude_none=True).encode()


def state_headers(state: str) -> dict[str, str]:
    """Return the headers of a response that may be cached, but is revalidated each time."""
    return {"etag": write_etag(state), "cache-control": "private, no-cache"}


def page_headers(request: Request, next_cursor: str | None) -> dict[str, str]:
    """Return the link to the next page, if there is one."""
    if next_cursor is None:
        return {}
    parameters = [
        (name, value) for name, value in request.query_params.multi_items() if name != "cursor"
    ]
    query = urlencode([*parameters, ("cursor", next_cursor)])
    return {"link": f'<{path_of(request)}?{query}>; rel="next"'}


def path_of(request: Request) -> str:
    """Return the path of a request, as in its URL."""
    return request.url.path
