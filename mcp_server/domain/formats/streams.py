"""Streams: many records in one file, read a few at a time.

JSON is an array with one prompt a line, or prompts one after the other (JSON Lines); YAML is one
document a prompt.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.formats.records import read_record
from mcp_server.domain.formats.yaml_text import load_yaml
from mcp_server.domain.strict_json import NotStrict, no_constant, unique
from mcp_server.domain.texts import shown
from storage.values.errors import Invalid

MAX_RECORD = 64_000_000
"""Characters of one prompt with its history."""

MAX_DOCUMENT = 16_000_000
"""Characters of one prompt in YAML, which is slow to read."""

_BLANKS = re.compile(r"[ \t\r\n]*+")
_FIRST_STEP = 4_096
_TOKEN = 16
"""Characters in which a word, a number or an escape may be cut off."""


def json_values(pieces: Iterable[str], source: str) -> Iterator[Any]:
    """Yield the values of a JSON array, or values that follow one another.

    Raises:
        Invalid: the rest isn't JSON; says on which line.
    """
    return _values(_Buffer(iter(pieces)), source)


def read_yaml_stream(pieces: Iterable[str], source: str) -> Iterator[PromptFile | Invalid]:
    """Read the prompts of a YAML file; a refused one yields its refusal."""
    documents = _documents(pieces, source)
    while True:
        try:
            text, line = next(documents, ("", 0))
            if not line:
                return
            if not text.strip():
                continue
            value = load_yaml(text, source, line, "this")
        except Invalid as refusal:
            yield refusal
            continue
        # A file may also have all of its prompts in one list.
        for each in value if isinstance(value, list) else [value]:
            yield _attempt(each, f"{source}:{line}")


def _attempt(value: object, place: str) -> PromptFile | Invalid:
    try:
        return read_record(value, place)
    except Invalid as refusal:
        return refusal


class _Buffer:
    """Text that comes in pieces; `at` is the position of the next character to read."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces = pieces
        self._line = 1
        self.text = ""
        self.at = 0

    @property
    def left(self) -> int:
        """The number of characters that are here and not read yet."""
        return len(self.text) - self.at

    def skip(self) -> str:
        """Skip white space, and return the next character; '' at the end."""
        while True:
            self.at = _BLANKS.match(self.text, self.at).end()  # type: ignore[union-attr]  # always
            if self.left:
                return self.text[self.at]
            if not self.grow(1):
                return ""

    def grow(self, size: int) -> bool:
        """Take in at least `size` more characters if there are any; tell whether there were."""
        pieces = []
        while size > 0:
            piece = next(self._pieces, None)
            if piece is None:
                break
            pieces.append(piece)
            size -= len(piece)
        if pieces:
            self._line = self.line(self.at)
            self.text = "".join([self.text[self.at :], *pieces])
            self.at = 0
        return bool(pieces)

    def line(self, place: int) -> int:
        """Return the line of an index into the text that is here."""
        return self._line + self.text.count("\n", 0, place)


def _values(buffer: _Buffer, source: str) -> Iterator[Any]:
    if buffer.skip() == "\ufeff":
        buffer.at += 1
    in_array = buffer.skip() == "["
    buffer.at += in_array
    first = True
    while sign := buffer.skip():
        if in_array and sign == "]":
            buffer.at += 1
            if buffer.skip():
                raise _broken(source, buffer, "something follows the end of the array")
            return
        if in_array and not first:
            if sign != ",":
                raise _broken(source, buffer, "a ',' between two prompts is missing")
            buffer.at += 1
            buffer.skip()
        yield _value(buffer, source)
        first = False
    if in_array:
        raise _broken(source, buffer, "the array isn't closed by ']'")


def _value(buffer: _Buffer, source: str) -> Any:
    """Read one value; each attempt at a longer one takes in twice the text."""
    while True:
        try:
            value, buffer.at = _DECODER.raw_decode(buffer.text, buffer.at)
            return value
        except json.JSONDecodeError as error:
            # More text can only help if the error is at the end of this one.
            ends = error.pos >= len(buffer.text) - _TOKEN or error.msg.startswith("Unterminated")
            if ends and buffer.left > MAX_RECORD:
                raise _broken(source, buffer, "one prompt is too large") from None
            if not ends or not buffer.grow(max(_FIRST_STEP, buffer.left)):
                buffer.at = min(error.pos, len(buffer.text))
                raise _broken(source, buffer, error.msg) from None
        except RecursionError:
            raise _broken(source, buffer, "it is nested too deeply") from None
        except NotStrict as error:
            reason = error.reason(lambda key: f"'{shown(key)}'")
            raise _broken(source, buffer, reason) from None
        except ValueError:
            raise _broken(source, buffer, "a number in it has too many digits") from None


def _broken(source: str, buffer: _Buffer, reason: str) -> Invalid:
    return Invalid(
        f"{source}:{buffer.line(buffer.at)}: this is no JSON that can be read: {reason}. Mend it; "
        "what follows wasn't read."
    )


_DECODER = json.JSONDecoder(parse_constant=no_constant, object_pairs_hook=unique)


def _documents(pieces: Iterable[str], source: str) -> Iterator[tuple[str, int]]:
    """Yield the documents of a YAML file, each with the number of its first line."""
    lines: list[str] = []
    first = line = 1
    size = 0
    for text in _lines(pieces):
        line += 1
        size += len(text)
        if size > MAX_DOCUMENT:
            raise Invalid(
                f"{source}:{first}: one prompt has more than {MAX_DOCUMENT:,} characters of YAML. "
                "Write it as JSON, which takes more."
            )
        if text.rstrip() == "---":
            yield "".join(lines), first
            lines, first, size = [], line, 0
        else:
            lines.append(text)
    yield "".join(lines), first


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    rest = ""
    for piece in pieces:
        *whole, rest = f"{rest}{piece}".split("\n")
        for each in whole:
            yield f"{each}\n"
    if rest:
        yield rest
