"""The REST API as one application, with its OpenAPI document and pages that need no network."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import Lifespan

from mcp_server.rest.door import RestDoor
from mcp_server.rest.labels import LabelRoutes
from mcp_server.rest.problems import Problem
from mcp_server.rest.prompts import PromptRoutes
from mcp_server.rest.responses import problem_schema
from mcp_server.rest.versions import VersionRoutes
from mcp_server.schemas.base import Shape, refusal
from storage.errors import PromptError

_ASSETS = "/docs/assets"
_ABOUT = """\
The library of prompts that assistants use over MCP, for programs.

A prompt is meant by its name or its id. Where a version is wanted, a reference says which: `review`
(what the label `production` points at, else the newest version of `main`), `review@3`,
`review@staging`, `review@latest`, `review@branch:main`.

Every read carries an `ETag`: send it back as `If-None-Match` to be answered 304 while nothing has
changed, and as `If-Match` to write only if nothing has. Lists come in pages: follow
`Link: <…>; rel="next"`. What goes wrong is told as an RFC 9457 problem."""


def build_api(
    door: RestDoor,
    version: str,
    *,
    lifespan: Lifespan[FastAPI] | None = None,
    routes: Sequence[Route] = (),
) -> FastAPI:
    """Build the API of a library; other `routes` are answered beside it, undocumented."""
    api = FastAPI(
        title="promptstack",
        version=version,
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        lifespan=lifespan,
        routes=list(routes),
        separate_input_output_schemas=False,
    )
    for noun in (PromptRoutes(door), VersionRoutes(door), LabelRoutes(door)):
        api.include_router(noun.router())
    api.add_exception_handler(PromptError, _on_failure)
    api.add_exception_handler(RequestValidationError, _on_invalid)
    api.add_exception_handler(HTTPException, _on_http)
    _add_documents(api)
    return api


def _add_documents(api: FastAPI) -> None:
    written: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not written:
            written.update(_document(api))
        return written

    async def docs(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "")
        return get_swagger_ui_html(
            openapi_url=f"{root}/openapi.json",
            title="promptstack API",
            swagger_js_url=f"{root}{_ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{_ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{root}{_ASSETS}/favicon.png",
        )

    api.openapi = openapi  # type: ignore[method-assign]
    # The pages' own files come with a package, so that they work without any outside network.
    assets = StaticFiles(directory=str(files("fastapi_offline") / "static"))
    api.mount(_ASSETS, assets, name="docs-assets")
    api.add_api_route("/docs", docs, include_in_schema=False)


def _document(api: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=api.title, version=api.version, description=api.description, routes=api.routes
    )
    schemas = document["components"]["schemas"]
    schemas["ProblemOut"] = problem_schema()
    # FastAPI's own, which nothing refers to: failures are problems here.
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document


async def _on_failure(request: Request, error: Exception) -> Response:
    assert isinstance(error, PromptError)
    conditional = "if-match" in request.headers
    return Problem.of(error, conditional=conditional).response(request.url.path)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = list(error.errors())
    if any(fault["type"] == "json_invalid" for fault in faults):
        place = next(fault["loc"][-1] for fault in faults if fault["type"] == "json_invalid")
        return Problem(
            400, f"The body isn't JSON: it can't be read from character {place} on."
        ).response(request.url.path)
    # The first part says where it was found: in the body, the query, the path or a header.
    found = [{**fault, "loc": fault["loc"][1:] or fault["loc"]} for fault in faults]
    known = _known_fields(request)
    return Problem.of(refusal("The request", found, known)).response(request.url.path)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = {
        404: f"There is nothing at '{request.url.path}'. The API is described at /docs.",
        405: f"'{request.url.path}' can't be asked with {request.method}. "
        f"It can be with {(error.headers or {}).get('Allow', 'other methods')}.",
    }.get(error.status_code, f"{error.detail}.")
    problem = Problem(error.status_code, detail, headers=error.headers or {})
    return problem.response(request.url.path)


def _known_fields(request: Request) -> list[str]:
    """Return the names of the fields that a request may have, to propose one of them."""
    dependant = getattr(request.scope.get("route"), "dependant", None)
    if dependant is None:
        return []
    models = [
        field.field_info.annotation for field in (*dependant.body_params, *dependant.query_params)
    ]
    return [
        name
        for model in models
        if isinstance(model, type) and issubclass(model, Shape)
        for name in model.names()
    ]
