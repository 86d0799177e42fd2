"""Contents: the texts and settings of one version, as records have them."""

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
"""Names that are read for others, and never written."""


def write_content(draft: Draft) -> Record:
    """Write a draft in the order of files; what is absent is left out by `present`."""
    written = draft_to_json(draft)
    text = single_user_text(draft.messages)
    if text is not None:
        written |= {"template": text, "messages": None}
    return {name: written.get(name) for name in CONTENT}


def present(record: Record) -> Record:
    """Leave out what says nothing."""
    return {key: value for key, value in record.items() if says(value)}


def read_draft(keys: Keys) -> Draft:
    """Read a draft.

    Raises:
        Invalid: something in it can't be kept, or stands there twice and differs.
    """
    return make_draft(**read_fields(keys))


def read_fields(keys: Keys, names: Collection[str] = CONTENT) -> ContentInput:
    """Read fields of a content; those that say nothing are left out, but for the texts.

    A variant's one message needs no list.

    Raises:
        Invalid: one of them is of another shape, or stands there twice and differs.
    """
    values = {name: keys.any(name) for name in names}
    for other, name in OTHER_NAMES.items():
        if other in keys and name in names:
            values[name] = _either(keys, name, other)
    written = {name: values[name] for name in names if name in _TEXTS or says(values[name])}
    if isinstance(variants := written.get("variants"), dict):
        written["variants"] = {key: _listed(each) for key, each in variants.items()}
    return read_content(written, keys.path)


_TEXTS = ("template", "messages")


def _listed(messages: object) -> object:
    return [messages] if isinstance(messages, dict) else messages


def _either(keys: Keys, name: str, other: str) -> object:
    """Return a value that has two names."""
    if name in keys and keys.any(name) != keys.any(other):
        raise refused(
            keys.place(other),
            f"and '{name}' are two names of the same, but say two things. Give one of them",
        )
    return keys.any(other)
