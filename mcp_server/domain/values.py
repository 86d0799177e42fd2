"""Values of arguments: the input that each type accepts, and its form as text."""

import json
import math
import re
from typing import NoReturn

from mcp_server.domain.texts import check_text, shown
from storage.values.entities import ArgumentType
from storage.values.errors import Invalid

_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_KINDS: dict[ArgumentType, str] = {
    "string": "text",
    "integer": "a whole number such as 3",
    "number": "a number such as 2.5",
    "boolean": "true or false",
    "enum": "one of its choices",
    "json": "JSON",
}


def write_value(value_type: ArgumentType, value: object) -> str:
    """Return a value as the text that a template is filled with.

    Tools pass native JSON values and all other callers pass texts; both are accepted.

    Raises:
        ValueError: the value isn't of the type; its text continues the sentence *'name' …*.
    """
    if isinstance(value, str):
        return _read_text(value_type, _storable(value))
    if value_type == "json":
        return _storable(_dump(value))
    text = _native(value)
    if text is None or (value_type not in ("string", "enum") and not _is_of(value_type, value)):
        raise ValueError(f"has to be {_KINDS[value_type]}, not '{shown(text or value)}'")
    return f"{value:.0f}" if value_type == "integer" and isinstance(value, float) else text


def _storable(text: str) -> str:
    try:
        return check_text(text, "value")
    except Invalid as error:
        raise ValueError(error.fields["value"].rstrip(".")) from None


def _read_text(value_type: ArgumentType, text: str) -> str:
    """Return a text value, checked against its type and normalized."""
    match value_type:
        case "string" | "enum":
            return text
        case "integer" if _INTEGER.fullmatch(text.strip()):
            return text.strip()
        case "number" if _NUMBER.fullmatch(text.strip()):
            return text.strip()
        case "boolean" if text.strip().lower() in ("true", "false"):
            return text.strip().lower()
        case "json" if _is_json(text):
            return text
    raise ValueError(f"has to be {_KINDS[value_type]}, not '{shown(text)}'")


def _native(value: object) -> str | None:
    """Write a native number or boolean as JSON does; None for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else None
    try:
        return str(value) if isinstance(value, int) else None
    except ValueError:  # more digits than Python writes
        return None


def _is_of(value_type: ArgumentType, value: object) -> bool:
    if isinstance(value, bool):
        return value_type == "boolean"
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return value_type == "number" or (value_type == "integer" and whole)


def _dump(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise ValueError(f"has to be JSON, not '{shown(value)}'") from None


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
