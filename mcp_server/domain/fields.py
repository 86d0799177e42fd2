"""The fields of a version's content: their names, checks and limits.

A field with a single value is defined in `PLAIN` alone, which drives how it is checked, compared,
merged, read, written and documented. Messages, variants and arguments depend on each other and are
checked together in `domain.drafts`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypedDict, cast, get_type_hints

from mcp_server.domain.configs import CONFIG_SCHEMA, check_config
from mcp_server.domain.limits import limits
from mcp_server.domain.names import (
    DESCRIPTION_SCHEMA,
    FOLDER_SCHEMA,
    MODEL_TYPE_SCHEMA,
    NAME_SCHEMA,
    TAG_SCHEMA,
    TITLE_SCHEMA,
    check_model_type,
)
from mcp_server.domain.reading import has_value, reader_of
from mcp_server.domain.texts import LINE, MAX_MESSAGES, WRITTEN
from storage.values.entities import Argument, Draft, Message, Metadata, TemplateFormat

MAX_VARIANTS = 64


class ContentInput(TypedDict, total=False):
    """An author's input for a version's content; absent keys weren't given.

    `template` is one user message, and excludes `messages`. An empty `model_type` means none. The
    keys are in file order.
    """

    template: str
    messages: Sequence[Message]
    template_format: TemplateFormat
    model_type: str | None
    arguments: Sequence[Argument]
    model_config: Mapping[str, Any]
    variants: Mapping[str, Sequence[Message]]


CONTENT = tuple(ContentInput.__annotations__)
"""The field names, in file order."""
_READERS = {name: reader_of(kind) for name, kind in get_type_hints(ContentInput).items()}
METADATA = tuple(field.name for field in fields(Metadata) if field.name != "name")
"""The metadata fields except the name; they belong to the prompt, not to a version."""


@dataclass(frozen=True, slots=True)
class PlainField:
    """A field with a single value.

    `check` returns the value to store, or raises Invalid; it isn't called for empty values, and is
    None for a field whose type says it all.
    `schema` has the limits beyond the type, in JSON Schema.
    """

    check: Callable[[Any], Any] | None
    schema: Mapping[str, Any]


PLAIN: Mapping[str, PlainField] = {
    "template_format": PlainField(None, {}),
    "model_type": PlainField(check_model_type, {**MODEL_TYPE_SCHEMA, "pattern": rf"^$|{LINE}"}),
    "model_config": PlainField(check_config, CONFIG_SCHEMA),
}


def check_plain(content: ContentInput) -> dict[str, Any]:
    """Return the plain fields that have a value, for a `Draft`; the others have its defaults.

    Raises:
        Invalid: a field isn't valid.
    """
    values = {name: content.get(name) for name in PLAIN}
    checks = {name: field.check for name, field in PLAIN.items()}
    return {
        name: value if (check := checks[name]) is None else check(value)
        for name, value in values.items()
        if has_value(value)
    }


def content_of(draft: Draft) -> ContentInput:
    """Return a draft's fields in the form of an author's input."""
    return cast(ContentInput, {field.name: getattr(draft, field.name) for field in fields(draft)})


def read_content(values: Mapping[str, Any], path: str = "") -> ContentInput:
    """Read a version's content from JSON, ignoring other keys.

    Raises:
        Invalid: a field has the wrong shape; the message names the place.
    """
    prefix = f"{path}." if path else ""
    content = ContentInput()
    for name in CONTENT:
        if values.get(name) is not None:
            content |= read_field(name, values[name], f"{prefix}{name}")
    return content


def read_field(name: str, value: object, place: str) -> ContentInput:
    """Read one field of a version's content out of JSON.

    Raises:
        Invalid: it has another shape; the message names the place.
    """
    return cast(ContentInput, {name: _READERS[name](value, place)})


def prompt_limits() -> Mapping[str, Mapping[str, Any]]:
    """Return the JSON Schema constraints on a prompt's fields, in addition to their types."""
    most = limits()
    return {
        "name": NAME_SCHEMA,
        "title": TITLE_SCHEMA,
        "description": DESCRIPTION_SCHEMA,
        "folder": FOLDER_SCHEMA,
        "tags": {"items": {"type": "string", **TAG_SCHEMA}, "maxItems": most.tags},
        "template": {"pattern": WRITTEN, "minLength": 1, "maxLength": most.text},
        "messages": {"minItems": 1, "maxItems": MAX_MESSAGES},
        "arguments": {"maxItems": most.arguments},
        "variants": {"propertyNames": MODEL_TYPE_SCHEMA, "maxProperties": MAX_VARIANTS},
        **{name: field.schema for name, field in PLAIN.items()},
    }
