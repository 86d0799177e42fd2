"""Contents: the texts and settings of one version, as part of a record."""

from collections.abc import Collection
from typing import Any

from mcp_server.domain.drafts import make_draft
from mcp_server.domain.fields import CONTENT, ContentInput, read_content
from mcp_server.domain.formats.keys import Keys
from mcp_server.domain.messages import single_user_text
from mcp_server.domain.reading import says
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
    return {key: value for key, value in record.items() if says(value)}


def read_draft(keys: Keys) -> Draft:
    """Read a draft.

    Raises:
        Invalid: the content isn't valid, or has a field under two names with different values.
    """
    return make_draft(**read_fields(keys))


def read_fields(keys: Keys, names: Collection[str] = CONTENT) -> ContentInput:
    """Read fields of a content; empty ones are left out, except the texts.

    A variant's one message needs no list.

    Raises:
        Invalid: a field has the wrong shape, or two names with different values.
    """
    values = {name: keys.any(name) for name in names}
    for other, name in OTHER_NAMES.items():
        if other in keys and name in names:
            values[name] = _either(keys, name, other)
    fields = {name: values[name] for name in names if name in _TEXTS or says(values[name])}
    if isinstance(variants := fields.get("variants"), dict):
        fields["variants"] = {key: _listed(each) for key, each in variants.items()}
    return read_content(fields, keys.path)


_TEXTS = ("template", "messages")


def _listed(messages: object) -> object:
    return [messages] if isinstance(messages, dict) else messages


def _either(keys: Keys, name: str, other: str) -> object:
    """Return the value of a field under its other name, which must not contradict the first."""
    if name in keys and keys.any(name) != keys.any(other):
        raise refused(
            keys.place(other),
            f"and '{name}' are two names of the same, but say two things. Give one of them",
        )
    return keys.any(other)
