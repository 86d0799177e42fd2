"""The fields of a version's content: their names, what each has to satisfy, and their limits.

A field that is one value stands in `PLAIN` alone: it is checked, compared, merged, read, written
and documented by what stands there. Messages, variants and arguments depend on each other, and are
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
from mcp_server.domain.reading import read, says
from mcp_server.domain.templates import template_engine
from mcp_server.domain.texts import LINE, MAX_MESSAGES, WRITTEN
from storage.values.entities import Argument, Draft, Message, Metadata, TemplateFormat

MAX_VARIANTS = 64


class ContentInput(TypedDict, total=False):
    """What an author wrote of a version's content; what is absent wasn't written.

    `template` is one user message, and excludes `messages`. An empty `model_type` is none. The
    order is that of files.
    """

    template: str
    messages: Sequence[Message]
    template_format: TemplateFormat
    model_type: str | None
    arguments: Sequence[Argument]
    model_config: Mapping[str, Any]
    variants: Mapping[str, Sequence[Message]]


CONTENT = tuple(ContentInput.__annotations__)
"""The names of the fields, in the order of files."""
_TYPES = get_type_hints(ContentInput)
METADATA = tuple(field.name for field in fields(Metadata) if field.name != "name")
"""The names of what can be written of a prompt and belongs to no version."""


@dataclass(frozen=True, slots=True)
class PlainField:
    """A field that is one value.

    `check` returns a value that can be kept, or raises Invalid; it isn't asked for one that says
    nothing. `schema` is the limits beyond the type, as JSON Schema says them.
    """

    check: Callable[[Any], Any]
    schema: Mapping[str, Any]


def _check_template_format(template_format: TemplateFormat) -> TemplateFormat:
    template_engine(template_format)
    return template_format


PLAIN: Mapping[str, PlainField] = {
    "template_format": PlainField(_check_template_format, {}),
    "model_type": PlainField(check_model_type, {**MODEL_TYPE_SCHEMA, "pattern": rf"^$|{LINE}"}),
    "model_config": PlainField(check_config, CONFIG_SCHEMA),
}


def check_plain(content: ContentInput) -> dict[str, Any]:
    """Return the plain fields that say something, for a `Draft`; the others have its defaults.

    Raises:
        Invalid: one of them can't be kept.
    """
    written = {name: content.get(name) for name in PLAIN}
    return {name: PLAIN[name].check(value) for name, value in written.items() if says(value)}


def content_of(draft: Draft) -> ContentInput:
    """Return the fields of a draft, as an author would write them."""
    return cast(ContentInput, {field.name: getattr(draft, field.name) for field in fields(draft)})


def read_content(values: Mapping[str, Any], path: str = "") -> ContentInput:
    """Read the fields of a version's content out of JSON; other keys are passed over.

    Raises:
        Invalid: a field is of another shape; the sentence names the place.
    """
    before = f"{path}." if path else ""
    given = {name: values[name] for name in CONTENT if values.get(name) is not None}
    read_fields = {name: read(_TYPES[name], given[name], f"{before}{name}") for name in given}
    return cast(ContentInput, read_fields)


def prompt_limits() -> Mapping[str, Mapping[str, Any]]:
    """Return what the fields of a prompt may hold beyond their types, in JSON Schema."""
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
