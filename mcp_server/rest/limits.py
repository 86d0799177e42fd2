"""The document's limits on values, so that it allows the same values as the domain.

They are only stated here; the domain checks them, and its refusals say what to do instead.
"""

from collections.abc import Mapping
from typing import Any

from mcp_server.domain.arguments import ARGUMENT_LIMITS
from mcp_server.domain.fields import prompt_limits
from mcp_server.domain.messages import content_limits
from mcp_server.domain.names import BRANCH_SCHEMA, FOLDER_SCHEMA, LABEL_SCHEMA, NAME_SCHEMA
from mcp_server.domain.references import POINT_SCHEMA, REFERENCE_SCHEMA
from mcp_server.domain.texts import NOTE_SCHEMA, TEXT, WRITTEN
from mcp_server.domain.weights import WEIGHTS_SCHEMA

JsonObject = dict[str, Any]
Limits = Mapping[str, Mapping[str, Any]]

_SHAPES = "#/components/schemas/"
_ETAGS = r'^(?:\*|(?:W/)?"[!#-~]*"(?: *, *(?:W/)?"[!#-~]*")*)$'
_LOOSE = ["string", "number", "boolean"]
_WITH_HISTORY: JsonObject = {
    "required": ["with_history"],
    "properties": {"with_history": {"const": True}},
}
_LABEL_FIELDS: Limits = {
    "reference": POINT_SCHEMA,
    "reason": NOTE_SCHEMA,
    "weights": WEIGHTS_SCHEMA,
}
_PARAMETERS: Limits = {
    "label": LABEL_SCHEMA,
    "branch": BRANCH_SCHEMA,
    "old": POINT_SCHEMA,
    "new": POINT_SCHEMA,
    "cursor": {"pattern": r"^[A-Za-z0-9_-]+$"},
    "if-match": {"pattern": _ETAGS},
    "if-none-match": {"pattern": _ETAGS},
    "folder": FOLDER_SCHEMA,
    "includes": NAME_SCHEMA,
    "reason": NOTE_SCHEMA,
    **{name: {"pattern": TEXT} for name in ("q", "model_type")},
    **{name: {"items": {"type": "string", "pattern": TEXT}} for name in ("tag", "tags")},
}
_REFERRING = frozenset({"get_prompt", "render_prompt"})
"""The operations whose path may name a version."""


def limit_schemas(schemas: dict[str, JsonObject]) -> None:
    """Write the limits into the document's schemas."""
    fields = _fields()
    for name in (
        "PromptPost", "PromptPut", "PromptPatch", "RestorePost", "BranchPost", "MergePost",
        "ContentFields",
    ):  # fmt: skip
        _limit(schemas[name]["properties"], fields)
    texts = [_having(field) for field in ("template", "content", "messages")]
    schemas["PromptPut"]["oneOf"] = texts
    copied = {"allOf": [_having("copy_of"), {"not": {"anyOf": texts}}]}
    schemas["PromptPost"]["oneOf"] = [*({**each, "not": _WITH_HISTORY} for each in texts), copied]
    # One of the texts, or none.
    schemas["PromptPatch"]["oneOf"] = [*texts, {"not": {"anyOf": texts}}]
    pointed = [_having("version"), _having("reference")]
    schemas["LabelPut"]["oneOf"] = [*pointed, _having("weights")]
    schemas["BranchPost"]["oneOf"] = [*pointed, {"not": {"anyOf": pointed}}]
    for name in ("LabelPut", "BranchPost"):
        _limit(schemas[name]["properties"], _LABEL_FIELDS)
    texts = [_having(field) for field in ("template", "messages")]
    schemas["ContentFields"]["oneOf"] = [*texts, {"not": {"anyOf": texts}}]
    _limit(schemas["ArgumentShape"]["properties"], _loosely(ARGUMENT_LIMITS))
    schemas["ContentShape"] = _content(schemas["ContentShape"])
    schemas["MessageShape"]["properties"]["content"] = {
        "description": "What is said; bare text is text content.",
        "anyOf": [{"$ref": f"{_SHAPES}ContentShape"}, {"type": "string", "pattern": WRITTEN}],
    }


def limit_parameter(operation: str, parameter: JsonObject) -> None:
    """Write the limits into a parameter of an operation."""
    extra = _PARAMETERS.get(parameter["name"])
    if parameter["in"] == "query" and parameter["name"] == "label":
        extra = {"pattern": TEXT}
    if parameter["name"] == "prompt":
        extra = REFERENCE_SCHEMA if operation in _REFERRING else NAME_SCHEMA
    if extra is not None:
        _limit({"it": parameter["schema"]}, {"it": extra})
    # An absent parameter is left out: nothing in a URL or a header is null.
    choices = [each for each in parameter["schema"].pop("anyOf", ()) if each != {"type": "null"}]
    for choice in choices:
        parameter["schema"] = {**choice, **parameter["schema"]}
    if "description" in parameter["schema"]:
        parameter.setdefault("description", parameter["schema"].pop("description"))


def _fields() -> Limits:
    fields = prompt_limits()
    messages = {
        "type": "array",
        "items": {"$ref": f"{_SHAPES}MessageShape"},
        **fields["messages"],
    }
    return {
        **fields,
        "name": {**NAME_SCHEMA, "minLength": 1},
        "new_name": {**NAME_SCHEMA, "minLength": 1},
        "copy_of": REFERENCE_SCHEMA,
        "content": fields["template"],
        "variants": {"additionalProperties": messages, **fields["variants"]},
        "commit_message": NOTE_SCHEMA,
        "branch": BRANCH_SCHEMA,
        "into": BRANCH_SCHEMA,
    }


def _loosely(arguments: Limits) -> Limits:
    """Allow numbers and booleans as the texts of defaults and choices."""
    choices = arguments["choices"]
    return {
        **arguments,
        "default": {**arguments["default"], "type": _LOOSE},
        "choices": {**choices, "items": {**choices["items"], "type": _LOOSE}},
    }


def _limit(properties: dict[str, JsonObject], limits: Limits) -> None:
    for name in properties.keys() & limits.keys():
        # In "this or null", the limits apply to "this".
        node = properties[name].get("anyOf", [properties[name]])[0]
        node.update(limits[name])


def _having(field: str) -> JsonObject:
    """Describe objects that have a field which isn't null, as null counts as absent."""
    return {"required": [field], "properties": {field: {"not": {"type": "null"}}}}


def _content(shape: JsonObject) -> JsonObject:
    """Describe each type of content with its own fields."""
    _limit(shape["properties"], content_limits())

    def one(kind: str, needed: tuple[str, ...], optional: tuple[str, ...] = ()) -> JsonObject:
        fields = {name: dict(shape["properties"][name]) for name in (*needed, *optional)}
        for name in needed:
            fields[name] |= fields[name].pop("anyOf")[0]
        return {
            "title": kind,
            "type": "object",
            "properties": {"type": {"const": kind}, **fields},
            "required": ["type", *needed],
            "additionalProperties": False,
        }

    return {
        "title": shape["title"],
        "description": shape["description"],
        "oneOf": [
            one("text", ("text",)),
            one("image", ("data", "mime_type")),
            one("audio", ("data", "mime_type")),
            one("resource", ("uri", "text"), ("mime_type",)),
            one("resource", ("uri", "blob"), ("mime_type",)),
            one("resource_link", ("uri", "name"), ("title", "description", "mime_type")),
        ],
    }
