"""JSON Schema as clients like it: inline, without unions for optional fields."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel

_NULL = {"type": "null"}


def plain_schema(
    model: type[BaseModel], mode: Literal["validation", "serialization"]
) -> dict[str, Any]:
    """Return a model's schema with definitions inlined and generated titles left out."""
    schema = model.model_json_schema(mode=mode)
    plain = _plain(schema, schema.get("$defs", {}))
    return {key: value for key, value in plain.items() if key not in ("$defs", "description")}


def _plain(node: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_plain(each, definitions) for each in node]
    if not isinstance(node, dict):
        return node
    resolved = _inlined(_without_null(node), definitions)
    return {
        key: _properties(value, definitions) if key == "properties" else _plain(value, definitions)
        for key, value in resolved.items()
        if not (key == "title" or (key == "default" and value is None))
    }


def _properties(properties: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Inline each property; here `title` is a name and not a keyword."""
    return {name: _plain(each, definitions) for name, each in properties.items()}


def _inlined(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    reference = node.get("$ref")
    if reference is None:
        return dict(node)
    definition = definitions[reference.rpartition("/")[2]]
    return {**definition, **{key: value for key, value in node.items() if key != "$ref"}}


def _without_null(node: dict[str, Any]) -> dict[str, Any]:
    """Turn "this or null" into "this": absent fields are left out."""
    choices = [each for each in node.get("anyOf", ()) if each != _NULL]
    if len(choices) != 1:
        return node
    return {**choices[0], **{key: value for key, value in node.items() if key != "anyOf"}}
