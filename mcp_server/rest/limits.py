"""What the document says of values beyond their type, so that what it allows is what is accepted.

It is said here and not checked here: the domain refuses, in sentences that tell what to do instead.
"""

from collections.abc import Mapping
from typing import Any

from mcp_server.domain.arguments import MAX_ARGUMENT_NAME, MAX_CHOICE, MAX_CHOICES
from mcp_server.domain.drafts import MAX_VARIANTS
from mcp_server.domain.limits import limits
from mcp_server.domain.names import (
    BRANCH,
    FOLDER,
    LABEL,
    MAX_FOLDER,
    MAX_MODEL_TYPE,
    MAX_TAG,
    NAME,
)
from mcp_server.domain.texts import (
    MAX_DESCRIPTION,
    MAX_MESSAGES,
    MAX_TITLE,
)
from mcp_server.domain.weights import MAX_SHARED, MAX_WEIGHT
from storage.values.entities import LATEST

JsonObject = dict[str, Any]

_SHAPES = "#/components/schemas/"
_TEXT = r"^[^\x00]*$"
_WRITTEN = r"^[^\x00]*[^\x00\s][^\x00]*$"
_PRINTED = r"[^\x00-\x1f\x7f]"
_LINE = rf"^\s*(?:(?!\s){_PRINTED}{_PRINTED}*)\s*$"
_LINE_OR_BLANK = rf"^\s*{_PRINTED}*\s*$"
_POINT = rf"[1-9][0-9]{{0,8}}|{LABEL.pattern}|branch:{BRANCH.pattern}"
_ETAGS = r'^(?:\*|(?:W/)?"[!#-~]*"(?: *, *(?:W/)?"[!#-~]*")*)$'
_BASE64 = r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$"
# Which characters beyond ASCII are letters, digits or marks, no pattern says to every reader: so
# what of ASCII is none is left out. A range up to U+10FFFF is two halves of a pair to JavaScript.
_IDENTIFIER = r"^[^\x00-@\[-^`{-\x7f][^\x00-/:-@\[-^`{-\x7f]*$"
_MEDIA_TYPE = r"^[!-.0-~]+/[!-~]+(?: *;[ -~]*)?$"
_MAX_LINE = 2_048
_MAX_MESSAGE = 2_000

_BARE: JsonObject = {"pattern": rf"^{NAME.pattern}$", "maxLength": 64}
_REFERENCE: JsonObject = {"pattern": rf"^{NAME.pattern}(?:@(?:{_POINT}))?$"}
_MESSAGES: JsonObject = {
    "type": "array",
    "items": {"$ref": f"{_SHAPES}MessageShape"},
    "minItems": 1,
    "maxItems": MAX_MESSAGES,
}
_ANYTHING: JsonObject = {
    "anyOf": [
        {"type": ["null", "boolean", "number", "array", "object"]},
        {"type": "string", "pattern": _TEXT},
    ]
}
_LOOSE = ["string", "number", "boolean"]
_WITH_HISTORY: JsonObject = {
    "required": ["with_history"],
    "properties": {"with_history": {"const": True}},
}

_REASON: JsonObject = {"pattern": _TEXT, "maxLength": _MAX_MESSAGE}
_LABEL_FIELDS: Mapping[str, JsonObject] = {
    "reason": _REASON,
    "weights": {
        "propertyNames": {"pattern": "^[1-9][0-9]{0,8}$"},
        "additionalProperties": {"type": "integer", "minimum": 1, "maximum": MAX_WEIGHT},
        "minProperties": 2,
        "maxProperties": MAX_SHARED,
    },
}
_PARAMETERS: Mapping[str, JsonObject] = {
    "label": {"pattern": rf"^{LABEL.pattern}$", "not": {"const": LATEST}},
    "branch": {"pattern": rf"^{BRANCH.pattern}$"},
    "old": {"pattern": rf"^(?:{_POINT})$"},
    "new": {"pattern": rf"^(?:{_POINT})$"},
    "cursor": {"pattern": r"^[A-Za-z0-9_-]+$"},
    "if-match": {"pattern": _ETAGS},
    "if-none-match": {"pattern": _ETAGS},
    "folder": {"pattern": rf"^\s*/*{FOLDER.pattern}/*\s*$", "maxLength": MAX_FOLDER},
    "includes": _BARE,
    "reason": _REASON,
    **{name: {"pattern": _TEXT} for name in ("q", "model_type")},
    **{name: {"items": {"type": "string", "pattern": _TEXT}} for name in ("tag", "tags")},
}
_REFERRING = frozenset({"get_prompt", "render_prompt"})
"""The operations whose path says which version is meant."""


def limit_schemas(schemas: dict[str, JsonObject]) -> None:
    """Write the limits into the document's shapes."""
    fields = _fields()
    for name in (
        "PromptPost", "PromptPut", "PromptPatch", "RestorePost", "BranchPost", "MergePost",
        "ContentFields",
    ):  # fmt: skip
        _limit(schemas[name]["properties"], fields)
    texts = [_given(field) for field in ("template", "content", "messages")]
    schemas["PromptPut"]["oneOf"] = texts
    copied = {"allOf": [_given("copy_of"), {"not": {"anyOf": texts}}]}
    schemas["PromptPost"]["oneOf"] = [*({**each, "not": _WITH_HISTORY} for each in texts), copied]
    # Nothing about texts, or one of them.
    schemas["PromptPatch"]["oneOf"] = [*texts, {"not": {"anyOf": texts}}]
    pointed = [_given("version"), _given("reference")]
    schemas["LabelPut"]["oneOf"] = [*pointed, _given("weights")]
    schemas["BranchPost"]["oneOf"] = [*pointed, {"not": {"anyOf": pointed}}]
    for name in ("LabelPut", "BranchPost"):
        _limit(schemas[name]["properties"], {"reference": {"pattern": rf"^(?:{_POINT})$"}})
    _limit(schemas["LabelPut"]["properties"], _LABEL_FIELDS)
    texts = [_given(field) for field in ("template", "messages")]
    schemas["ContentFields"]["oneOf"] = [*texts, {"not": {"anyOf": texts}}]
    _limit(
        schemas["ArgumentShape"]["properties"],
        {
            "name": {"pattern": _IDENTIFIER, "maxLength": MAX_ARGUMENT_NAME},
            "title": {"pattern": _TEXT, "maxLength": MAX_TITLE},
            "description": {"pattern": _TEXT, "maxLength": MAX_DESCRIPTION},
            "default": {"type": _LOOSE, "pattern": _TEXT},
            "choices": {
                "items": {"type": _LOOSE, "pattern": _TEXT, "maxLength": MAX_CHOICE},
                "maxItems": MAX_CHOICES,
            },
            "pattern": {"format": "regex"},
        },
    )
    schemas["ContentShape"] = _content(schemas["ContentShape"])
    schemas["MessageShape"]["properties"]["content"] = {
        "description": "What is said; bare text is text content.",
        "anyOf": [{"$ref": f"{_SHAPES}ContentShape"}, {"type": "string", "pattern": _WRITTEN}],
    }


def limit_parameter(operation: str, parameter: JsonObject) -> None:
    """Write the limits into a parameter of an operation."""
    extra = _PARAMETERS.get(parameter["name"])
    if parameter["in"] == "query" and parameter["name"] == "label":
        extra = {"pattern": _TEXT}
    if parameter["name"] == "prompt":
        extra = _REFERENCE if operation in _REFERRING else _BARE
    if extra is not None:
        _limit({"it": parameter["schema"]}, {"it": extra})
    # What is absent is left out: nothing in a URL or a header is null.
    choices = [each for each in parameter["schema"].pop("anyOf", ()) if each != {"type": "null"}]
    for choice in choices:
        parameter["schema"] = {**choice, **parameter["schema"]}
    if "description" in parameter["schema"]:
        parameter.setdefault("description", parameter["schema"].pop("description"))


def _fields() -> Mapping[str, JsonObject]:
    most = limits()
    return {
        "name": {**_BARE, "minLength": 1},
        "new_name": {**_BARE, "minLength": 1},
        "copy_of": _REFERENCE,
        "title": {"pattern": _LINE_OR_BLANK, "maxLength": MAX_TITLE},
        "description": {"pattern": _TEXT, "maxLength": MAX_DESCRIPTION},
        "folder": {"pattern": rf"^\s*/*{FOLDER.pattern}/*\s*$", "maxLength": MAX_FOLDER},
        "tags": {
            "items": {"type": "string", "pattern": _LINE, "minLength": 1, "maxLength": MAX_TAG},
            "maxItems": most.tags,
        },
        "template": {"pattern": _WRITTEN, "minLength": 1, "maxLength": most.text},
        "content": {"pattern": _WRITTEN, "minLength": 1, "maxLength": most.text},
        "messages": _MESSAGES,
        "arguments": {"maxItems": most.arguments},
        "model_type": {"pattern": rf"^$|{_LINE}", "maxLength": MAX_MODEL_TYPE},
        "model_config": {"additionalProperties": _ANYTHING, "propertyNames": {"pattern": _TEXT}},
        "variants": {
            "additionalProperties": _MESSAGES,
            "propertyNames": {"pattern": _LINE, "maxLength": MAX_MODEL_TYPE},
            "maxProperties": MAX_VARIANTS,
        },
        "commit_message": {"pattern": _TEXT, "maxLength": _MAX_MESSAGE},
        "branch": {"pattern": rf"^{BRANCH.pattern}$"},
        "reason": {"pattern": _TEXT, "maxLength": _MAX_MESSAGE},
        "into": {"pattern": rf"^{BRANCH.pattern}$"},
    }


def _limit(properties: dict[str, JsonObject], limits: Mapping[str, JsonObject]) -> None:
    for name in properties.keys() & limits.keys():
        # Of "this or null" the limits are those of this.
        node = properties[name].get("anyOf", [properties[name]])[0]
        node.update(limits[name])


def _given(field: str) -> JsonObject:
    """Describe objects in which a field stands, and isn't null, which counts as absent."""
    return {"required": [field], "properties": {field: {"not": {"type": "null"}}}}


def _content(shape: JsonObject) -> JsonObject:
    """Describe contents one by one, each with the fields that its type has."""
    texts = {
        "text": {"pattern": _WRITTEN, "minLength": 1, "maxLength": limits().text},
        "data": {"pattern": _BASE64, "minLength": 4},
        "blob": {"pattern": _BASE64, "minLength": 4},
        "mime_type": {"pattern": _MEDIA_TYPE, "maxLength": _MAX_LINE},
        "uri": {"pattern": _LINE, "maxLength": _MAX_LINE},
        "name": {"pattern": _LINE, "maxLength": _MAX_LINE},
        "title": {"pattern": _TEXT, "maxLength": _MAX_LINE},
        "description": {"pattern": _TEXT, "maxLength": _MAX_LINE},
    }
    _limit(shape["properties"], texts)

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
