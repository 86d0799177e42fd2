"""Texts: the rules for any text that is stored, and the display of values in messages."""

import re
from collections.abc import Mapping
from typing import Any

from storage.values.errors import Invalid

MAX_DATA = 8_000_000
"""Characters of base64 in all messages of one version."""
MAX_MESSAGES = 256
MAX_TITLE = 256
MAX_DESCRIPTION = 8_000
MAX_AUTHOR = 200
MAX_NOTE = 2_000
"""Characters of a commit message, or of the reason for moving a label."""

TEXT = r"^[^\x00]*$"
"""Regular expression for the texts that `check_text` accepts, valid in JSON Schema."""
WRITTEN = r"^[^\x00]*[^\x00\s][^\x00]*$"
"""The same for a text that isn't blank."""
_PRINTED = r"[^\x00-\x1f\x7f]"
LINE = rf"^\s*(?:(?!\s){_PRINTED}{_PRINTED}*)\s*$"
"""The same for the lines that `check_line` accepts."""
LINE_OR_BLANK = rf"^\s*{_PRINTED}*\s*$"
NOTE_SCHEMA: Mapping[str, Any] = {"pattern": TEXT, "maxLength": MAX_NOTE}
_SHOWN = 40
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_UNSHOWABLE = re.compile("[\0-\x1f\x7f\ud800-\udfff]")


def check_text(value: str, field: str, *, limit: int | None = None) -> str:
    """Return a text if the database can store it and it isn't longer than `limit`.

    Raises:
        Invalid: it has a NUL or a lone surrogate, or it is too long.
    """
    bad = _UNSTORABLE.search(value)
    if bad:
        kind = "NUL" if bad[0] == "\0" else "lone surrogate"
        raise refused(
            field,
            f"has a {kind} (U+{ord(bad[0]):04X}) at position {bad.start()}, which can't be stored. "
            "Remove that character",
        )
    if limit is not None and len(value) > limit:
        raise refused(
            field,
            f"has {len(value):,} characters; at most {limit:,} are allowed. Shorten it",
        )
    return value


def check_line(value: str, field: str, *, limit: int) -> str:
    """Return a single-line text, trimmed.

    Raises:
        Invalid: it is blank, holds a control character or is too long.
    """
    text = check_text(value, field, limit=limit).strip()
    if not text:
        raise refused(field, "is blank. Leave it out or write something")
    bad = _UNSHOWABLE.search(text)
    if bad:
        raise refused(
            field,
            f"has a control character (U+{ord(bad[0]):04X}) at position {bad.start()}. Remove it",
        )
    return text


def check_author(author: str, field: str) -> str:
    """Return an author's name, trimmed.

    Raises:
        Invalid: it is blank, too long, or can't be stored or shown on one line.
    """
    return check_line(author, field, limit=MAX_AUTHOR)


def refused(field: str, reason: str) -> Invalid:
    """Make the error of one field; `reason` continues the sentence *'field' …*."""
    sentence = reason if reason.endswith("?") else f"{reason}."
    return Invalid(f"'{field}' {sentence}", fields={field: sentence})


def shown(value: object) -> str:
    """Write a value for a message: on one line, printable and cut to about 40 characters."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except (ValueError, RecursionError):  # an integer or a nesting too large to write
        text = type(value).__name__
    text = _UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", text[: _SHOWN + 1])
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def located(error: Invalid, place: str) -> Invalid:
    """Return a refusal with its place in front of the message."""
    return Invalid(f"{place}: {error.message}", fields=error.fields)


def check_rendered(size: int, limit: int | None) -> None:
    """Stop a rendering that grows beyond its limit.

    Raises:
        Invalid: `size` is more than `limit`.
    """
    if limit is not None and size > limit:
        raise Invalid(
            f"The rendered prompt would have more than {limit:,} characters. "
            "Give shorter values for its arguments."
        )
