"""The REST API as one application, with its OpenAPI document and pages that need no network."""

from functools import partial
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from mcp_server.doors import Door
from mcp_server.problems import Problem, of_http, on_bug
from mcp_server.rest.branches import BranchRoutes
from mcp_server.rest.document import write_document
from mcp_server.rest.door import RestDoor
from mcp_server.rest.files import REFUSED, STREAMED, FileRoutes, on_refused
from mcp_server.rest.labels import LabelRoutes
from mcp_server.rest.methods import HeadAsGet, Methods
from mcp_server.rest.prompts import PromptRoutes
from mcp_server.rest.versions import VersionRoutes
from mcp_server.schemas.base import Shape, refusal
from storage.values.errors import PromptError

_ASSETS = "/docs/assets"
_CONDITION = "if-match"
_ABOUT = """\
The library of prompts that assistants use over MCP, for programs.

A prompt is meant by its name or its id. Where a version is wanted, a reference says which: `review`
(what the label `production` points at, else the newest version of `main`), `review@3`,
`review@staging`, `review@latest`, `review@branch:terse`.

What is read of a prompt carries an `ETag`: send it back as `If-None-Match` to be answered 304 while
nothing has changed, and as `If-Match` to write only if nothing has. Lists come in pages: follow
`Link: <…>; rel="next"`. What goes wrong is told as an RFC 9457 problem."""


def rest_door(door: RestDoor, version: str) -> Door:
    """Return the API as the door that answers all paths of no other one."""
    return Door(app=build_api(door, version), paths=("/",), streamed=STREAMED)


def build_api(door: RestDoor, version: str) -> FastAPI:
    """Build the API of a library."""
    api = FastAPI(
        title="promptstack",
        version=version,
        summary="A library of versioned prompts.",
        description=_ABOUT,
        license_info={"name": "MIT", "identifier": "MIT"},
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        separate_input_output_schemas=False,
    )
    nouns = (PromptRoutes, VersionRoutes, LabelRoutes, BranchRoutes, FileRoutes)
    routers = [each(door).router() for each in nouns]
    for router in routers:
        api.include_router(router)
    methods = Methods.of(route for router in routers for route in router.routes)
    api.add_exception_handler(PromptError, _on_failure)
    api.add_exception_handler(RequestValidationError, _on_invalid)
    api.add_exception_handler(REFUSED, on_refused)
    api.add_exception_handler(HTTPException, partial(_on_http, methods))
    api.add_exception_handler(Exception, on_bug)
    api.add_middleware(HeadAsGet)
    _add_documents(api)
    return api


def _add_documents(api: FastAPI) -> None:
    document: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not document:
            document.update(write_document(api))
        return document

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


async def _on_failure(request: Request, error: Exception) -> Response:
    assert isinstance(error, PromptError)
    # Only a request that names a state has a condition to fail; `*` matches any.
    names_state = request.headers.get(_CONDITION, "*").strip() != "*"
    conditional = names_state and _reads_condition(request)
    return Problem.of(error, conditional=conditional).response(request.scope["path"])


def _reads_condition(request: Request) -> bool:
    """Tell whether the handler of the request's route takes the header If-Match."""
    dependant = _dependant(request)
    headers = dependant.header_params if dependant else ()
    return any(field.alias == _CONDITION for field in headers)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = list(error.errors())
    # The first part of a location is the body, the query, the path or a header.
    stripped_faults = [{**fault, "loc": fault["loc"][1:] or fault["loc"]} for fault in faults]
    known_fields = _known_fields(request)
    return Problem.of(refusal("The request", stripped_faults, known_fields)).response(
        request.scope["path"]
    )


async def _on_http(methods: Methods, request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.scope["path"]
    allowed = methods.allowed(path) or dict(error.headers or {}).get("Allow", "")
    return of_http(request, error, allowed).response(path)


def _dependant(request: Request) -> Dependant | None:
    """Return the parameters of the request's route; None if there is no route."""
    route = request.scope.get("route")
    return route.dependant if isinstance(route, APIRoute) else None


def _known_fields(request: Request) -> list[str]:
    """Return the names of the fields that a request may have, to suggest one of them."""
    dependant = _dependant(request)
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
