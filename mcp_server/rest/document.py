"""The OpenAPI document: FastAPI's own, made exact and given examples."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from mcp_server.problems import MEDIA_TYPE, ProblemOut
from mcp_server.rest.examples import BODIES, answers
from mcp_server.rest.limits import limit_parameter, limit_schemas
from mcp_server.rest.responses import problem_example

JsonObject = dict[str, Any]

TAGS = [
    {"name": "Prompts", "description": "The named things: find, write, read, render, archive."},
    {"name": "Versions", "description": "Frozen states: what was, what changed, and back again."},
    {"name": "Labels", "description": "Movable pointers; `production` decides what is served."},
    {"name": "Branches", "description": "Named lines of versions: begin, write on, merge."},
    {"name": "Files", "description": "The library as a file, in and out."},
]

_JSON = "application/json"
_REQUEST_ID = {
    "description": "The request's id: the one that was sent, else a new one. Logs carry it.",
    "schema": {"type": "string"},
}


def write_document(api: FastAPI) -> JsonObject:
    """Return the document of an application."""
    document = get_openapi(
        title=api.title,
        version=api.version,
        summary=api.summary,
        description=api.description,
        license_info=api.license_info,
        tags=TAGS,
        routes=api.routes,
    )
    components = document["components"]
    components["schemas"] = _schemas(components["schemas"])
    components["headers"] = {"X-Request-Id": _REQUEST_ID}
    examples = answers()
    for path, operation in _operations(document):
        _complete(path, operation, examples)
    return document


def _schemas(generated: dict[str, JsonObject]) -> dict[str, JsonObject]:
    # FastAPI adds these, but nothing refers to them: failures are problems here.
    unused = ("HTTPValidationError", "ValidationError")
    schemas = {name: schema for name, schema in generated.items() if name not in unused}
    schemas["ProblemOut"] = ProblemOut.model_json_schema(
        ref_template="#/components/schemas/{model}"
    )
    for name, schema in schemas.items():
        if name.endswith(("Out", "Read")):
            schema["properties"] = {
                key: _without_null(each) for key, each in schema["properties"].items()
            }
    limit_schemas(schemas)
    return schemas


def _without_null(node: JsonObject) -> JsonObject:
    """Turn "this or null" into "this": absent fields are left out of an answer."""
    choices = [each for each in node.get("anyOf", ()) if each != {"type": "null"}]
    if len(choices) != 1:
        return node
    return {**choices[0], **{key: each for key, each in node.items() if key != "anyOf"}}


def _operations(document: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, operation


def _complete(path: str, operation: JsonObject, examples: dict[str, JsonObject]) -> None:
    name = operation["operationId"]
    for parameter in operation.get("parameters", ()):
        limit_parameter(name, parameter)
    if body := operation.get("requestBody"):
        content = body["content"][_JSON]
        # An optional body may be left out, but not be null.
        content["schema"] = content["schema"].get("anyOf", [content["schema"]])[0]
        content["examples"] = BODIES[name]
    for status, answer in operation["responses"].items():
        answer.setdefault("headers", {})["X-Request-Id"] = {
            "$ref": "#/components/headers/X-Request-Id"
        }
        content = answer.get("content", {})
        if _JSON in content:
            content[_JSON]["example"] = examples[name]
        if MEDIA_TYPE in content:
            content[MEDIA_TYPE]["example"] = problem_example(int(status), path)
