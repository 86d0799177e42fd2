"""Messages and arguments as plain JSON: one shape for the database and every door.

`{"role": "user", "content": {"type": "text", "text": "…"}}`; absent fields are left out.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any
from unicodedata import normalize

from storage.values.entities import (
    Argument,
    AudioContent,
    Content,
    Draft,
    EmbeddedResource,
    ImageContent,
    Message,
    ResourceLink,
    TextContent,
)

CONTENT_TYPES: dict[str, type[Content]] = {
    "text": TextContent,
    "image": ImageContent,
    "audio": AudioContent,
    "resource": EmbeddedResource,
    "resource_link": ResourceLink,
}
_TYPE_NAMES = {kind: name for name, kind in CONTENT_TYPES.items()}


def message_to_json(message: Message) -> dict[str, Any]:
    """Write a message, absent fields left out."""
    return {"role": message.role, "content": content_to_json(message.content)}


def content_to_json(content: Content) -> dict[str, Any]:
    """Write a content, absent fields left out."""
    return {"type": _TYPE_NAMES[type(content)], **_fields(content)}


def message_from_json(value: Mapping[str, Any]) -> Message:
    """Read a message written by `message_to_json`; the domain checks input from outside first."""
    fields = dict(value["content"])
    content_type = CONTENT_TYPES[fields.pop("type")]
    return Message(role=value["role"], content=content_type(**fields))


def argument_to_json(argument: Argument) -> dict[str, Any]:
    """Write an argument, absent fields left out."""
    return _fields(argument)


def argument_from_json(value: Mapping[str, Any]) -> Argument:
    """Read an argument written by `argument_to_json`; old rows may have a name that isn't NFC."""
    name = normalize("NFC", value["name"])
    return Argument(**{**value, "name": name, "choices": tuple(value.get("choices", ()))})


def draft_to_json(draft: Draft) -> dict[str, Any]:
    """Write all fields of a draft, as columns of a version's row."""
    return {name: _WRITE.get(name, _as_it_is)(getattr(draft, name)) for name in _DRAFT_FIELDS}


def draft_from_json(value: Mapping[str, Any]) -> Draft:
    """Read a draft written by `draft_to_json`, ignoring other keys."""
    return Draft(
        **{
            name: _READ[name](value[name]) if name in _READ else value[name]
            for name in _DRAFT_FIELDS
        }
    )


def messages_to_json(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Write messages, absent fields left out."""
    return [message_to_json(message) for message in messages]


def _messages_from_json(value: Iterable[Mapping[str, Any]]) -> tuple[Message, ...]:
    return tuple(message_from_json(message) for message in value)


def _as_it_is(value: Any) -> Any:
    match value:
        case Mapping():
            return dict(value)
        case tuple():
            return list(value)
    return value


_DRAFT_FIELDS = tuple(field.name for field in fields(Draft))
_WRITE: Mapping[str, Callable[[Any], Any]] = {
    "messages": messages_to_json,
    "variants": lambda variants: {key: messages_to_json(each) for key, each in variants.items()},
    "arguments": lambda arguments: [argument_to_json(argument) for argument in arguments],
}
_READ: Mapping[str, Callable[[Any], Any]] = {
    "messages": _messages_from_json,
    "variants": lambda value: {key: _messages_from_json(each) for key, each in value.items()},
    "arguments": lambda value: tuple(argument_from_json(argument) for argument in value),
}


def _fields(entity: Content | Argument) -> dict[str, Any]:
    named = ((name, getattr(entity, name)) for name in entity.__slots__)
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in named
        if value is not None and value != ()
    }
