"""Lines of standard input as JSON-RPC messages, and the faults of lines that aren't any.

The SDK's own reader loses the faults of a line: bytes that aren't UTF-8 are replaced, and a request
with an unusable id passes for a notification, which nobody answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mcp_types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    JSONRPCMessage,
    JSONRPCNotification,
    RequestId,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError

from mcp_server.domain.texts import shown

_BOM = b"\xef\xbb\xbf"
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')
_ID = re.compile(r'\s*:\s*("(?:[^"\\]|\\.)*"|-?\d{1,4000}(?![\d.eE]))')
_LIMITS = {
    "recursion limit exceeded": "The message is nested too deep to be read: an object or list may "
    "lie within at most 200 others. Flatten it.",
    "number out of range": "The message holds an integer of more than 4,300 digits, which can't be "
    "read. Send it as text.",
}
"""The parser's messages about JSON beyond its limits, and our sentences for them."""


class Unreadable(Exception):
    """A line that isn't a message; `request_id` is the id in it, if there is one."""

    def __init__(self, code: int, sentence: str, request_id: RequestId | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.request_id = request_id


def read_message(line: bytes) -> JSONRPCMessage | None:
    """Read a line; a blank one holds no message.

    Raises:
        Unreadable: it isn't a JSON-RPC message in UTF-8 (JSON-RPC 2.0 §5.1).
    """
    line = line.removeprefix(_BOM)
    try:
        message = jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError as error:
        if not line.strip():
            return None
        raise _explain(line, error) from None
    if isinstance(message, JSONRPCNotification) and b'"id"' in line:
        _check_has_no_id(json.loads(line))
    return message


def _explain(line: bytes, error: ValidationError) -> Unreadable:
    try:
        text = line.decode()
    except UnicodeDecodeError as fault:
        return Unreadable(
            PARSE_ERROR,
            f"This line isn't UTF-8: byte 0x{line[fault.start]:02X} at position {fault.start} "
            "can't stand there. Send JSON in UTF-8.",
            _find_id(line.decode(errors="replace")),
        )
    first = error.errors(include_url=False)[0]
    if first["type"] != "json_invalid":
        return _not_a_message(json.loads(text))
    for known, sentence in _LIMITS.items():
        if known in first["msg"]:
            return Unreadable(INVALID_REQUEST, sentence, _find_id(text))
    if _SURROGATE.search(text) and _is_json(text):
        return Unreadable(
            INVALID_REQUEST,
            "The message holds a lone surrogate (half of a \\uD83D\\uDE00 pair), which is no "
            "character and can't be stored. Send the whole character.",
            _find_id(text),
        )
    return Unreadable(PARSE_ERROR, "This line isn't JSON: send one JSON-RPC message a line.")


def _not_a_message(value: object) -> Unreadable:
    if not isinstance(value, dict):
        return Unreadable(
            INVALID_REQUEST,
            "This isn't a JSON-RPC 2.0 message: it has to be one object. Send the messages of a "
            "batch one by one.",
        )
    request_id = value.get("id")
    # An answer isn't answered: its id is that of a request of ours.
    answerable_id = request_id if _is_id(request_id) and not _is_answer(value) else None
    faults = "; ".join(_faults(value)) or "it is neither a request, a notification nor an answer"
    return Unreadable(
        INVALID_REQUEST, f"This isn't a JSON-RPC 2.0 message: {faults}.", answerable_id
    )


def _faults(value: Mapping[str, Any]) -> Iterator[str]:
    if value.get("jsonrpc") != "2.0":
        yield f"'jsonrpc' has to be '2.0', not {_quoted(value, 'jsonrpc')}"
    if "id" in value and not _is_id(value["id"]):
        yield f"'id' has to be text or a whole number, not {_quoted(value, 'id')}"
    if not isinstance(value.get("method"), str) and not _is_answer(value):
        yield f"'method' has to be text, not {_quoted(value, 'method')}"
    if not isinstance(value.get("params"), dict | None):
        yield f"'params' has to be an object, not {_quoted(value, 'params')}"


def _is_answer(value: Mapping[str, Any]) -> bool:
    return "method" not in value and not {"result", "error"}.isdisjoint(value)


def _quoted(value: Mapping[str, Any], key: str) -> str:
    return f"'{shown(json.dumps(value[key]))}'" if key in value else "absent"


def _check_has_no_id(value: Mapping[str, Any]) -> None:
    """Refuse a request whose id can't be answered.

    Some clients write every field of a notification, `"id": null` among them.
    """
    request_id = value.get("id")
    if "id" not in value or (request_id is None and value["method"].startswith("notifications/")):
        return
    raise _not_a_message(value)


def _is_id(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _find_id(text: str) -> RequestId | None:
    """Return the id of a message that can't be read as a whole."""
    depth = 0
    for token in _TOKEN.finditer(text):
        if token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
        elif depth == 1 and token[0] == '"id"':
            id_match = _ID.match(text, token.end())
            if id_match:
                request_id: RequestId = json.loads(id_match[1])
                return request_id
    return None
