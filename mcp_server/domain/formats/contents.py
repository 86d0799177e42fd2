"""Contents: the texts and settings of one version, as part of a record."""

from collections.abc import Collection
from typing import Any

from mcp_server.domain.drafts import make_draft
from mcp_server.domain.fields import CONTENT, ContentInput, read_field
from mcp_server.domain.formats.keys import Keys
from mcp_server.domain.messages import single_user_text
from mcp_server.domain.reading import has_value
from mcp_server.domain.texts import refused
from storage.values.codecs import draft_to_json
from storage.values.entities import Draft

Record = dict[str, Any]

OTHER_NAMES = {"content": "template", "model_settings": "model_config"}
"""Other names of fields, which are read and never written."""


def write_content(draft: Draft) -> Record:
    """Write a draft in file order; `present` leaves out the empty fields."""
    values = draft_to_json(draft)
    text = single_user_text(draft.messages)
    if text is not None:
        values |= {"template": text, "messages": None}
    return {name: values.get(name) for name in CONTENT}


def present(record: Record) -> Record:
    """Leave out empty values."""
    return {key: value for key, value in record.items() if has_value(value)}


def read_draft(keys: Keys) -> Draft:
    """Read a draft, some fields of which may stand under their other names.

    Raises:
        Invalid: the content isn't valid, or has a field under two names with different values.
    """
    content = read_fields(keys)
    for other, name in OTHER_NAMES.items():
        if other in keys:
            _check_same(keys, name, other)
            content |= _read_field(keys, name, other)
    return make_draft(**content)


def read_fields(keys: Keys, names: Collection[str] = CONTENT) -> ContentInput:
    """Read fields of a content; a variant's one message needs no list.

    Raises:
        Invalid: a field has the wrong shape.
    """
    content = ContentInput()
    for name in names:
        content |= _read_field(keys, name, name)
    return content


def _read_field(keys: Keys, name: str, key: str) -> ContentInput:
    value = keys.any(key)
    if _is_left_out(name, value):
        return {}
    if name == "variants" and isinstance(value, dict):
        value = {model_type: _listed(each) for model_type, each in value.items()}
    return read_field(name, value, keys.place(key))


def _is_left_out(name: str, value: object) -> bool:
    """Return whether a file leaves a field out; some programs write an empty mapping as a list."""
    if value is None or name in ("template", "messages", "arguments"):
        return value is None
    return value == "" or (value == [] and name in ("model_config", "variants"))


def _listed(messages: object) -> object:
    return [messages] if isinstance(messages, dict) else messages


def _check_same(keys: Keys, name: str, other: str) -> None:
    if name in keys and keys.any(name) != keys.any(other):
        raise refused(
            keys.place(other),
            f"and '{name}' are two names of the same, but say two things. Give one of them",
        )
