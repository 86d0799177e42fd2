"""Which files an import reads, and the prompts in them."""

import codecs
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from stat import S_ISDIR
from typing import TYPE_CHECKING

from storage.errors import Invalid

if TYPE_CHECKING:
    from mcp_server.domain.formats.files import PromptFile

SKILL = "SKILL.md"
_READ = (".csv", ".md", ".json", ".jsonl", ".yaml", ".yml")
_ABOUT = ("readme", "license", "changelog", "contributing")
"""Files of these names are about their folder, unless front matter says that they are prompts."""
_HIDDEN = {".claude": ("commands", "skills"), ".github": ("prompts",)}
"""Hidden folders in which assistants keep prompts; of others nothing is read."""
_PIECE = 1 << 16


@dataclass(slots=True)
class Source:
    """A file, and its prompts as they are read; `alone` where it holds no more than one."""

    path: Path
    prompts: Iterator["PromptFile | Invalid"]
    alone: bool


@dataclass(slots=True)
class Sources:
    """The files of an import, one after the other; `refused` grows while they are read."""

    paths: Sequence[Path]
    format_name: str | None = None
    refused: list[Invalid] = field(default_factory=list)

    def __iter__(self) -> Iterator[Source]:
        seen: set[str] = set()
        for given in self.paths:
            for path in self._walk(given):
                real = os.path.realpath(path)
                if real not in seen:
                    seen.add(real)
                    yield self._open(path, named=path is given)

    def _walk(self, given: Path) -> Iterator[Path]:
        try:
            is_folder = S_ISDIR(given.stat().st_mode)
        except FileNotFoundError:
            text = f"{given}: there is no such file or folder. Check the path."
            self.refused.append(Invalid(text))
        except OSError as error:
            text = f"{given}: this can't be read: {error.strerror}. Check the path."
            self.refused.append(Invalid(text))
        else:
            yield from self._inside(given) if is_folder else (given,)

    def _inside(self, folder: Path) -> Iterator[Path]:
        """Yield what may be prompts in a folder, sorted; a skill's folder is one prompt."""

        def note(error: OSError) -> None:
            text = f"{error.filename}: this can't be read: {error.strerror}."
            self.refused.append(Invalid(text))

        for place, folders, names in os.walk(folder, onerror=note):
            if SKILL in names:
                folders.clear()
                yield Path(place, SKILL)
                continue
            inside = Path(place).name
            folders[:] = sorted(name for name in folders if _is_read(inside, name))
            for name in sorted(names):
                shown = inside not in _HIDDEN and not name.startswith(".")
                path = Path(place, name)
                # A pipe that nobody writes to would be waited for.
                if shown and name.lower().endswith(_READ) and path.is_file():
                    yield path

    def _open(self, path: Path, *, named: bool) -> Source:
        from mcp_server.domain.formats.registry import read_file

        pieces = _pieces(path)
        try:
            head = next(pieces, "")
            if not named and _is_about(path, head):
                return Source(path, iter(()), True)
            found = read_file(str(path), chain([head], pieces), self.format_name)
            first = list(islice(found, 2))
        except Invalid as refusal:
            return Source(path, iter((refusal,)), True)
        return Source(path, chain(first, _guarded(found)), len(first) < 2)


def _is_read(inside: str, name: str) -> bool:
    if inside in _HIDDEN:
        return name in _HIDDEN[inside]
    return name in _HIDDEN or not name.startswith(".")


def _is_about(path: Path, head: str) -> bool:
    from mcp_server.domain.formats.front_matter import has_front_matter

    about = path.stem.lower() in _ABOUT and path.suffix.lower() == ".md"
    return about and not has_front_matter(head)


def _guarded(found: "Iterable[PromptFile | Invalid]") -> "Iterator[PromptFile | Invalid]":
    """Yield the prompts of a file; where it can't be read any further, that."""
    try:
        yield from found
    except Invalid as refusal:
        yield refusal


def _pieces(path: Path) -> Iterator[str]:
    """Yield a file's text as it stands, a piece at a time.

    Raises:
        Invalid: it can't be read, or isn't UTF-8 text.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    try:
        with path.open("rb") as file:
            while data := file.read(_PIECE):
                yield _decoded(decoder, data, path, line)
                line += data.count(b"\n")
            _decoded(decoder, b"", path, line, final=True)
    except OSError as error:
        raise Invalid(f"{path}: this can't be read: {error.strerror}. Check the path.") from None


def _decoded(
    decoder: codecs.IncrementalDecoder, data: bytes, path: Path, line: int, *, final: bool = False
) -> str:
    try:
        text = decoder.decode(data, final)
    except UnicodeDecodeError as error:
        at = line + data.count(b"\n", 0, max(0, error.start))
        raise Invalid(f"{path}:{at}: this isn't UTF-8 text. Save the file as UTF-8.") from None
    nul = data.find(b"\0")
    if nul >= 0:
        raise Invalid(
            f"{path}:{line + data.count(bytes([10]), 0, nul)}: there is a NUL byte, which can't be "
            "stored. Remove it."
        )
    return text
