"""A prompt as a file holds it, and what file names say."""

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
_NAMED = 10
"""So many of the values that aren't kept are named."""
_GENERIC = ("skill", "readme", "prompt", "index", "system")
_NUMBERED = re.compile(r"(.+\.\w+)#([0-9]+)")
"""A place within a file, as `chats.jsonl#2`; any other `#` belongs to a name."""


@dataclass(frozen=True, slots=True)
class PromptFile:
    """One prompt read from a file, or to be written to one; `source` says where it was read.

    `says` names the fields of the metadata that the file decides. The others are but first guesses
    or defaults, which don't replace what the library has. With a `history`, `draft` is what its
    branch main ends in; ids in it say nothing.

    `format_name` is the format that it was read as, "" where it comes from the library. `remarks`
    are full sentences on what of the file isn't kept, or wasn't read as it looks. Without a
    history, `labels` point at the draft, and `commit_message` says why it exists. `named` is false
    where the name was made of the file's. `composed` is true where the arguments of what the draft
    includes stand among its own, as prompts are read. `is_told` says whether the file tells how its
    text is meant; else that is verbatim.
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
    """Where a value stands: `source` tells it, in `path_name`; `alone` where no other does."""

    source: str
    path_name: str
    alone: bool = True


@dataclass(frozen=True, slots=True)
class Written:
    """A prompt as a file of some format holds it.

    `lost` names what of it that format can't carry, `risks` what programs may do with the file.
    """

    text: str
    lost: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()


def file_title(path_name: str) -> str:
    """Return what a file is about by its name, or its folder's where the name says nothing."""
    found = _NUMBERED.fullmatch(path_name)
    file, number = found.groups() if found else (path_name, "")
    path = PurePath(file)
    stem = f"{path.stem}-{number}" if number else path.stem
    return path.parent.name if stem.lower() in _GENERIC and path.parent.name else stem


def unkept(places: Sequence[str]) -> tuple[str, ...]:
    """Return the remark on values of a file that no prompt here has a place for, if any."""
    if not places:
        return ()
    named = ", ".join(f"'{shown(place)}'" for place in places[:_NAMED])
    more = len(places) - _NAMED
    others = f" and {more} more" if more > 0 else ""
    return (f"What the file says as {named}{others} isn't kept.",)


def reading(place: str, read: Callable[[], _T]) -> _T:
    """Return what `read` gives; its refusals name the place.

    Raises:
        Invalid: what `read` refused.
    """
    try:
        return read()
    except Invalid as error:
        raise located(error, place) from None
