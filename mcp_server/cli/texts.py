"""Reading a prompt's text or fields from a file or from standard input."""

import json
import sys
from pathlib import Path
from typing import Any

from storage.values.errors import Invalid

STANDARD_INPUT = "-"


def read_text(path: str) -> str:
    """Return a file's text unchanged; '-' is standard input.

    Raises:
        Invalid: it can't be read, or isn't UTF-8 text.
    """
    if path == STANDARD_INPUT and sys.stdin is None:
        raise Invalid("Standard input is closed, so no text can be read there. Name a file.")
    try:
        data = sys.stdin.buffer.read() if path == STANDARD_INPUT else Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Invalid(f"{path}: this can't be read: {reason}. Check the path.") from None
    return _decode(data, path)


def read_json(path: str) -> dict[str, Any]:
    """Return the object that a file holds as JSON; '-' is standard input.

    Raises:
        Invalid: it can't be read, or isn't a JSON object.
    """
    text = read_text(path).removeprefix("\ufeff")
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise Invalid(f"{path}:{error.lineno}: this isn't JSON: {error.msg}. Mend it.") from None
    except (ValueError, RecursionError):
        raise Invalid(
            f"{path}: this is nested too deep, or holds too long a number. Make it smaller."
        ) from None
    if not isinstance(value, dict):
        raise Invalid(f"{path}: this has to be one JSON object, with a prompt's fields.")
    return value


def _decode(data: bytes, path: str) -> str:
    nul = data.find(b"\0")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Invalid(
            f"{path}:{_line(data, error.start)}: this isn't UTF-8 text. Save the file as UTF-8."
        ) from None
    if nul >= 0:
        raise Invalid(
            f"{path}:{_line(data, nul)}: there is a NUL byte, which can't be stored. Remove it."
        )
    return text


def _line(data: bytes, place: int) -> int:
    return data.count(b"\n", 0, place) + 1
