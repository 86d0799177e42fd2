"""Streams: many records in one file, read and written a few at a time.

JSON is an array with one prompt a line, or prompts one after the other (JSON Lines); YAML is one
document a prompt.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.formats.records import read_record, write_record
from mcp_server.domain.formats.yaml_text import dump_yaml, load_yaml
from mcp_server.domain.texts import shown
from storage.errors import Invalid

MAX_RECORD = 64_000_000
"""Characters of one prompt with its history."""

_SPACE = " \t\r\n"
_FIRST_STEP = 4_096


class JsonArray:
    """Writes a JSON array, one prompt a line."""

    start, between, end = "[\n", ",\n", "\n]\n"
    empty = "[]\n"

    def write(self, file: PromptFile) -> str:
        """Write one prompt."""
        return json.dumps(write_record(file), ensure_ascii=False)


class JsonLines(JsonArray):
    """Writes JSON Lines, one prompt a line."""

    start, between, end = "", "\n", "\n"
    empty = ""


class YamlDocuments:
    """Writes YAML, one document a prompt."""

    start, between, end = "", "---\n", ""
    empty = ""

    def write(self, file: PromptFile) -> str:
        """Write one prompt."""
        return dump_yaml(write_record(file))


Notation = JsonArray | YamlDocuments
NOTATIONS: dict[str, type[Notation]] = {
    "json": JsonArray, "jsonl": JsonLines, "yaml": YamlDocuments,
}  # fmt: skip


def write_stream(files: Iterable[PromptFile], notation: Notation) -> Iterator[str]:
    """Yield the pieces of a file with these prompts."""
    first = True
    for file in files:
        yield notation.start if first else notation.between
        yield notation.write(file)
        first = False
    yield notation.empty if first else notation.end


def read_json_stream(pieces: Iterable[str], source: str) -> Iterator[PromptFile | Invalid]:
    """Read the prompts of a JSON file; one that is refused is its refusal.

    What isn't JSON ends the file, since where the next prompt begins can't be told.
    """
    number = 0
    try:
        for value in _values(_Buffer(iter(pieces)), source):
            number += 1
            yield _attempt(value, f"{source}#{number}")
    except Invalid as refusal:
        yield refusal


def read_yaml_stream(pieces: Iterable[str], source: str) -> Iterator[PromptFile | Invalid]:
    """Read the prompts of a YAML file; one that is refused is its refusal."""
    number = 0
    for text, line in _documents(pieces):
        if not text.strip():
            continue
        number += 1
        try:
            value = load_yaml(text, source, line)
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
    """Text that comes in pieces."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces = pieces
        self.text = ""
        self.line = 1

    def skip(self) -> str:
        """Skip blanks, and return the character that follows; '' at the end."""
        while True:
            rest = self.text.lstrip(_SPACE)
            self.line += self.text.count("\n", 0, len(self.text) - len(rest))
            self.text = rest
            if rest:
                return rest[0]
            if not self.grow(1):
                return ""

    def grow(self, size: int) -> bool:
        """Take in at least so many characters more, unless there are no more at all."""
        taken = []
        while size > 0:
            piece = next(self._pieces, None)
            if piece is None:
                break
            taken.append(piece)
            size -= len(piece)
        self.text += "".join(taken)
        return bool(taken)

    def drop(self, length: int) -> None:
        """Forget what was read."""
        self.line += self.text.count("\n", 0, length)
        self.text = self.text[length:]


def _values(buffer: _Buffer, source: str) -> Iterator[Any]:
    """Yield the values of an array, or those that stand one after the other."""
    if buffer.skip() == "\ufeff":
        buffer.drop(1)
    in_array = buffer.skip() == "["
    if in_array:
        buffer.drop(1)
    first = True
    while True:
        sign = buffer.skip()
        if in_array and sign == "]":
            buffer.drop(1)
            if buffer.skip():
                raise _broken(source, buffer, "something follows the end of the array")
            return
        if not sign:
            if in_array:
                raise _broken(source, buffer, "the array isn't closed by ']'")
            return
        if in_array and not first:
            if sign != ",":
                raise _broken(source, buffer, "a ',' between two prompts is missing")
            buffer.drop(1)
            buffer.skip()
        yield _value(buffer, source)
        first = False


def _value(buffer: _Buffer, source: str) -> Any:
    """Read one value; the more of it there is, the more is taken in before the next attempt."""
    step = _FIRST_STEP
    while True:
        try:
            value, length = _DECODER.raw_decode(buffer.text)
        except json.JSONDecodeError as error:
            if len(buffer.text) > MAX_RECORD:
                raise _broken(source, buffer, "one prompt is too large") from None
            step = max(step, len(buffer.text))
            if not buffer.grow(step):
                buffer.drop(error.pos)
                raise _broken(source, buffer, error.msg) from None
        except RecursionError:
            raise _broken(source, buffer, "it is nested too deeply") from None
        except _Refused as error:
            raise _broken(source, buffer, str(error)) from None
        except ValueError:
            raise _broken(source, buffer, "a number in it has too many digits") from None
        else:
            buffer.drop(length)
            return value


def _broken(source: str, buffer: _Buffer, reason: str) -> Invalid:
    return Invalid(
        f"{source}:{buffer.line}: this is no JSON that can be read: {reason}. Mend it; what follows "
        "wasn't read."
    )


class _Refused(ValueError):
    """JSON in which something can't be accepted."""


def _no_constant(name: str) -> NoReturn:
    raise _Refused(f"JSON has no {name}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in made if keys.count(key) > 1)
        raise _Refused(f"the key '{shown(twice)}' stands twice in one object")
    return made


_DECODER = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_unique)


def _documents(pieces: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Yield the documents of a YAML file, each with the line that it begins on."""
    lines: list[str] = []
    begun = line = 1
    for text in _lines(pieces):
        line += 1
        if text.rstrip() == "---":
            yield "".join(lines), begun
            lines, begun = [], line
        else:
            lines.append(text)
    yield "".join(lines), begun


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    rest = ""
    for piece in pieces:
        *whole, rest = f"{rest}{piece}".split("\n")
        for each in whole:
            yield f"{each}\n"
    if rest:
        yield rest
