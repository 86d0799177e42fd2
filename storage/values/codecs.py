"""Messages and arguments as plain JSON: the one shape, in the database and on every door.

`{"role": "user", "content": {"type": "text", "text": "…"}}`; absent fields are left out.
"""

from collections.abc import Mapping
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
    """Read what `message_to_json` wrote; input from outside is checked by the domain first."""
    fields = dict(value["content"])
    content_type = CONTENT_TYPES[fields.pop("type")]
    return Message(role=value["role"], content=content_type(**fields))


def argument_to_json(argument: Argument) -> dict[str, Any]:
    """Write an argument, absent fields left out."""
    return _fields(argument)


def argument_from_json(value: Mapping[str, Any]) -> Argument:
    """Read what `argument_to_json` wrote; names are compared in NFC, and weren't always kept so."""
    name = normalize("NFC", value["name"])
    return Argument(**{**value, "name": name, "choices": tuple(value.get("choices", ()))})


def draft_to_json(draft: Draft) -> dict[str, Any]:
    """Write all that a content hash covers."""
    return {
        "messages": [message_to_json(message) for message in draft.messages],
        "variants": {
            model_type: [message_to_json(message) for message in messages]
            for model_type, messages in draft.variants.items()
        },
        "arguments": [argument_to_json(argument) for argument in draft.arguments],
        "template_format": draft.template_format,
        "model_type": draft.model_type,
        "model_config": dict(draft.model_config),
    }


def draft_from_json(value: Mapping[str, Any]) -> Draft:
    """Read what `draft_to_json` wrote."""
    return Draft(
        messages=tuple(message_from_json(message) for message in value["messages"]),
        variants={
            model_type: tuple(message_from_json(message) for message in messages)
            for model_type, messages in value["variants"].items()
        },
        arguments=tuple(argument_from_json(argument) for argument in value["arguments"]),
        template_format=value["template_format"],
        model_type=value["model_type"],
        model_config=value["model_config"],
    )


def _fields(entity: Content | Argument) -> dict[str, Any]:
    named = ((name, getattr(entity, name)) for name in entity.__slots__)
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in named
        if value is not None and value != ()
    }
