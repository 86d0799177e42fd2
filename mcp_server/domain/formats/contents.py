"""Contents: the texts and settings of one version, as records have them."""

from collections.abc import Callable
from typing import Any, TypeVar

from mcp_server.domain.drafts import (
    arguments_from_json,
    arguments_to_json,
    make_draft,
    messages_from_json,
    messages_to_json,
)
from mcp_server.domain.formats.keys import Keys
from mcp_server.domain.messages import single_user_text
from mcp_server.domain.texts import refused
from storage.values.entities import Draft, Message

Record = dict[str, Any]
_T = TypeVar("_T")

CONTENT = (
    "template", "messages", "template_format", "model_type", "arguments", "model_config",
    "variants",
)  # fmt: skip
CONTENT_TOO = ("content", "model_settings")
"""Other names of `template` and `model_config`, which are read and never written."""


def write_content(draft: Draft) -> Record:
    """Write a draft; what is absent is left out by `present`."""
    text = single_user_text(draft.messages)
    return {
        "template": text,
        "messages": messages_to_json(draft.messages) if text is None else None,
        "template_format": draft.template_format,
        "model_type": draft.model_type,
        "arguments": arguments_to_json(draft.arguments),
        "model_config": dict(draft.model_config),
        "variants": {key: messages_to_json(each) for key, each in draft.variants.items()},
    }


def present(record: Record) -> Record:
    """Leave out what says nothing."""
    return {key: value for key, value in record.items() if value not in (None, "", [], {})}


def read_content(keys: Keys) -> Draft:
    """Read a draft.

    Raises:
        Invalid: something in it can't be kept, or stands there twice and differs.
    """
    variants = keys.mapping("variants")
    return make_draft(
        template=_either(keys, keys.text, "template", "content"),
        messages=_messages(keys.items("messages"), keys.place("messages"))
        if "messages" in keys
        else None,
        arguments=arguments_from_json(keys.items("arguments"), keys.place("arguments")),
        template_format=keys.text("template_format") or "simple",  # type: ignore[arg-type]  # checked there
        model_type=keys.text("model_type"),
        model_config=_either(keys, keys.mapping, "model_config", "model_settings"),
        variants={
            key: _messages(each, keys.place(f"variants.{key}")) for key, each in variants.items()
        },
    )


def _messages(value: object, path: str) -> tuple[Message, ...]:
    """Read messages; content that is bare text is text."""
    items = [
        each | {"content": {"type": "text", "text": each["content"]}}
        if isinstance(each, dict) and isinstance(each.get("content"), str)
        else each
        for each in (value if isinstance(value, list) else [value])
    ]
    return messages_from_json(items, path)


def _either(keys: Keys, read: Callable[[str], _T], key: str, other: str) -> _T:
    """Read a value that has two names."""
    if key in keys and other in keys and read(key) != read(other):
        raise refused(
            keys.place(other),
            f"and '{key}' are two names of the same, but say two things. Give one of them",
        )
    return read(other if other in keys else key)
