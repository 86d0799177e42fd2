"""Prompts in files, and titles made from file names."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TypeVar

from mcp_server.domain.fields import METADATA
from mcp_server.domain.texts import located, shown
from storage.values.entities import Draft, History, Metadata
from storage.values.errors import Invalid

_T = TypeVar("_T")
EVERYTHING = frozenset(METADATA)
_MAX_NAMED = 10
"""Values quoted in one remark."""
_GENERIC = ("skill", "readme", "prompt", "index", "system")
_NUMBERED = re.compile(r"(.+\.\w+)#([0-9]+)")
"""A place within a file, as in `chats.jsonl#2`; any other `#` belongs to a name."""


@dataclass(frozen=True, slots=True)
class PromptFile:
    """One prompt read from a file, or to be written to one; `source` is the place it was read from.

    `says` names the metadata fields that the file determines. The others are first guesses or
    defaults, which don't replace the library's values. With a `history`, `draft` is the head of
    its branch main; the ids in it have no meaning.

    `format_name` is the format that it was read as, "" if it comes from the library. `remarks` are
    full sentences on parts of the file that aren't kept, or aren't read the way they look. Without
    a history, `labels` point at the draft, and `commit_message` belongs to it. `named` is false if
    the name was made from the file's name. `composed` is true if the draft also has the arguments
    of its includes, as in the library's output. `is_told` tells whether the file determines its
    template format; otherwise the text is verbatim.
    """

    metadata: Metadata
    draft: Draft
    created_by: str | None
    source: str
    says: frozenset[str] = field(default=EVERYTHING, compare=False)
    history: History | None = None
    format_name: str = field(default="", compare=False)
    remarks: tuple[str, ...] = field(default=(), compare=False)
    labels: tuple[str, ...] = field(default=(), compare=False)
    commit_message: str | None = field(default=None, compare=False)
    named: bool = field(default=True, compare=False)
    composed: bool = field(default=False, compare=False)
    is_told: bool = field(default=True, compare=False)


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a value: `source` in the file `path_name`; `alone` if the file has no other."""

    source: str
    path_name: str
    alone: bool = True


@dataclass(frozen=True, slots=True)
class Written:
    """A prompt written in a format.

    `lost` names the parts that the format can't hold, `risks` the dangers of opening the file.
    """

    text: str
    lost: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()


def file_title(path_name: str) -> str:
    """Return a title made from a file's name, or its folder's if the name is a generic one."""
    match = _NUMBERED.fullmatch(path_name)
    file, number = match.groups() if match else (path_name, "")
    path = PurePath(file)
    stem = f"{path.stem}-{number}" if number else path.stem
    return path.parent.name if stem.lower() in _GENERIC and path.parent.name else stem


def unkept(places: Sequence[str]) -> tuple[str, ...]:
    """Return a remark on the values of a file that a prompt has no field for, if there are any."""
    if not places:
        return ()
    named = ", ".join(f"'{shown(place)}'" for place in places[:_MAX_NAMED])
    more = len(places) - _MAX_NAMED
    others = f" and {more} more" if more > 0 else ""
    return (f"What the file says as {named}{others} isn't kept.",)


def reading(place: str, read: Callable[[], _T]) -> _T:
    """Return the result of `read`; its refusals name the place.

    Raises:
        Invalid: raised by `read`.
    """
    try:
        return read()
    except Invalid as error:
        raise located(error, place) from None
