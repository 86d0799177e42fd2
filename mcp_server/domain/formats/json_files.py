"""JSON files: prompts of ours, of other platforms and of published lists, told apart and read.

A value with a key of ours is ours, whatever else it has. A named format is never guessed.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from typing import Any

from mcp_server.domain.formats.chats import Json, Lost
from mcp_server.domain.formats.files import Place, PromptFile, reading
from mcp_server.domain.formats.keys import Keys
from mcp_server.domain.formats.langfuse import is_langfuse, read_langfuse, write_langfuse
from mcp_server.domain.formats.mlflow import is_mlflow, read_mlflow, write_mlflow
from mcp_server.domain.formats.openai import is_message, is_openai, read_openai, write_openai
from mcp_server.domain.formats.records import read_record
from mcp_server.domain.formats.rows import is_row, read_row, row_names, write_row
from mcp_server.domain.formats.streams import json_values
from storage.values.errors import Invalid

Files = Iterator[PromptFile | Invalid]

MAX_ROWS = 100_000_000
"""Characters of a file of rows, which is read whole: names depend on all titles together."""

_OURS = frozenset(
    ("template_format", "arguments", "model_type", "variants", "folder", "title", "created_by",
     "latest_version", "versions")
)  # fmt: skip
"""Keys that no platform has. `model_config` isn't among them: MLflow's prompts have it too."""
_PAGES = ("data", "items")


@dataclass(frozen=True, slots=True)
class Platform:
    """The test, the reader and the writer for the prompts of a platform."""

    title: str
    looks_like: Callable[[Json], bool]
    read: Callable[[Keys, Place], PromptFile]
    write: Callable[[PromptFile], tuple[Json, Lost]]


PLATFORMS = {
    "langfuse": Platform("Langfuse", is_langfuse, read_langfuse, write_langfuse),
    "mlflow": Platform("MLflow", is_mlflow, read_mlflow, write_mlflow),
    "openai": Platform("OpenAI's chat messages", is_openai, read_openai, write_openai),
    "rows": Platform("JSON with `prompt`, as lists are published", is_row, read_row, write_row),
}


def read_any_json(pieces: Iterable[str], source: str) -> Files:
    """Read JSON, detecting the platform of each value; undetected values are read as ours."""
    return _attempt(_read_values(None, pieces, source))


def read_our_json(pieces: Iterable[str], source: str) -> Files:
    """Read JSON as ours, without detecting platforms."""
    return _attempt(_read_values("json", pieces, source))


def read_platform_json(name: str, pieces: Iterable[str], source: str) -> Files:
    """Read JSON as a platform's, without detecting it."""
    return _attempt(_read_values(name, pieces, source))


def _attempt(files: Files) -> Files:
    """Yield prompts, and the refusal if the file can't be read any further."""
    try:
        yield from files
    except Invalid as refusal:
        yield refusal


def _read_values(name: str | None, pieces: Iterable[str], source: str) -> Files:
    counted = _Counted(pieces)
    values = json_values(counted, source)
    head, broken = _take(values, 2)
    alone = len(head) == 1 and broken is None
    values = chain(head, _ending(broken), values)
    if head and name in (None, "openai") and _is_message(head[0]):
        yield _read_as("openai", {"messages": list(values)}, Place(source, source))
    elif head and name in (None, "rows") and _platform_of(head[0]) == "rows":
        rows, broken = _take(_within(values, counted, source))
        yield from _each(name, zip(rows, row_names(rows), strict=True), source, alone)
        yield from _ending(broken)
    else:
        yield from _each(name, ((value, None) for value in values), source, alone)


def _each(
    name: str | None, values: Iterable[tuple[object, str | None]], source: str, alone: bool
) -> Files:
    for number, (value, row_name) in enumerate(values, 1):
        place = Place(f"{source}#{number}" if number > 1 else source, source, alone)
        try:
            yield _read_value(name, value, place, row_name)
        except Invalid as refusal:
            yield refusal


def _read_value(name: str | None, value: object, place: Place, row_name: str | None) -> PromptFile:
    detected = _platform_of(value)
    chosen = name or detected or "json"
    if chosen != "json":
        return _read_as(chosen, value, place, row_name)
    _check_no_page(value, place.source)
    try:
        return read_record(value, place.source)
    except Invalid as refusal:
        if detected is None:
            raise
        hint = f" It looks like {PLATFORMS[detected].title}: say so with the format '{detected}'."
        raise Invalid(f"{refusal.message}{hint}", fields=refusal.fields) from None


def _read_as(name: str, value: object, place: Place, row_name: str | None = None) -> PromptFile:
    read = partial(read_row, name=row_name) if name == "rows" else PLATFORMS[name].read
    file = reading(place.source, lambda: read(Keys(value), place))
    return replace(file, format_name=name)


def _platform_of(value: object) -> str | None:
    """Return the platform that a value comes from; None if it may be ours."""
    if not isinstance(value, dict):
        return None
    for name, platform in PLATFORMS.items():
        # Published lists may have titles and folders, but none of the other keys.
        ours = _OURS - {"title", "folder"} if name == "rows" else _OURS
        if ours.isdisjoint(value) and platform.looks_like(value):
            return name
    return None


def _is_message(value: object) -> bool:
    return isinstance(value, dict) and _OURS.isdisjoint(value) and is_message(value)


def _check_no_page(value: object, source: str) -> None:
    """Refuse a page of a list, as APIs answer with, and name it as one."""
    if not isinstance(value, dict) or "name" in value:
        return
    key = next((key for key in _PAGES if isinstance(value.get(key), list)), None)
    if key is not None:
        raise Invalid(
            f"{source}: this is a page of a list, with its values in '{key}'. Give that list alone "
            "where its values have texts; of this library, export the prompts."
        )


@dataclass(slots=True)
class _Counted:
    """Pieces of a text, and the number of characters read from them."""

    pieces: Iterable[str]
    size: int = 0

    def __iter__(self) -> Iterator[str]:
        for piece in self.pieces:
            self.size += len(piece)
            yield piece


def _take(values: Iterator[Any], most: int | None = None) -> tuple[list[Any], Invalid | None]:
    """Return the next values, and the refusal if no more can be read."""
    result: list[Any] = []
    try:
        for value in islice(values, most):
            result.append(value)  # one by one: a list() would lose all of them to a refusal
    except Invalid as broken:
        return result, broken
    return result, None


def _ending(broken: Invalid | None) -> Iterator[Any]:
    if broken is not None:
        raise broken
    yield from ()


def _within(values: Iterable[Any], counted: _Counted, source: str) -> Iterator[Any]:
    for value in values:
        if counted.size > MAX_ROWS:
            raise Invalid(
                f"{source}: this has more than {MAX_ROWS:,} characters, which is too much for one "
                "file of this format. Split it."
            )
        yield value
