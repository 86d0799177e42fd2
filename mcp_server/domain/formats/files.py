"""A prompt as a file holds it, and what file names say."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TypeVar

from mcp_server.domain.texts import located
from storage.entities import Draft, History, Metadata
from storage.errors import Invalid

_T = TypeVar("_T")
EVERYTHING = frozenset({"title", "description", "folder", "tags"})
_GENERIC = ("skill", "readme", "prompt", "index")


@dataclass(frozen=True, slots=True)
class PromptFile:
    """One prompt read from a file, or to be written to one; `source` says where it was read.

    `says` names the fields of the metadata that the file decides. The others are but first guesses
    or defaults, which don't replace what the library has. With a `history`, `draft` is what its
    branch main ends in; ids in it say nothing.
    """

    metadata: Metadata
    draft: Draft
    created_by: str | None
    source: str
    says: frozenset[str] = field(default=EVERYTHING, compare=False)
    history: History | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """A prompt as a file of some format holds it, and what of it that format can't carry."""

    text: str
    lost: tuple[str, ...] = ()


def file_title(path_name: str) -> str:
    """Return what a file is about by its name, or its folder's where the name says nothing."""
    file, _, number = path_name.partition("#")
    path = PurePath(file)
    stem = f"{path.stem}-{number}" if number else path.stem
    return path.parent.name if stem.lower() in _GENERIC and path.parent.name else stem


def reading(place: str, read: Callable[[], _T]) -> _T:
    """Return what `read` gives; its refusals name the place.

    Raises:
        Invalid: what `read` refused.
    """
    try:
        return read()
    except Invalid as error:
        raise located(error, place) from None
