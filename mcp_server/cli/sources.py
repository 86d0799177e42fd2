"""Sources: the files that an import reads, and the prompts in them."""

import codecs
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from stat import S_ISDIR
from typing import TYPE_CHECKING

from mcp_server.cli.places import leads_into
from mcp_server.domain.formats.fabric import read_pattern
from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.formats.front_matter import has_front_matter
from mcp_server.domain.formats.markdown_format import as_meant
from mcp_server.domain.formats.registry import SKILL, read_file, whole
from storage.values.errors import Invalid

if TYPE_CHECKING:
    from hashlib import _Hash

_READ = (".csv", ".md", ".json", ".jsonl", ".yaml", ".yml")
_ABOUT = ("readme", "license", "changelog", "contributing")
"""Files of these names are about their folder, unless front matter says that they are prompts."""
_HIDDEN = {".claude": ("commands", "skills"), ".github": ("prompts",)}
"""Hidden folders in which assistants keep prompts; only these subfolders of them are read."""
_PATTERNS, _SYSTEM, _USER = "patterns", "system.md", "user.md"
"""The folder of fabric's patterns, and the files that each of them has."""
_PIECE = 1 << 16


@dataclass(slots=True)
class Source:
    """A file and an iterator of its prompts; `alone` if it holds no more than one.

    `read` is the hash of the bytes read so far; of the whole file if that holds one prompt.
    """

    path: Path
    prompts: Iterator[PromptFile | Invalid]
    alone: bool
    read: "_Hash"


@dataclass(slots=True)
class Sources:
    """The files of an import, one after the other.

    Iterating fills `refused`, `unfollowed` (links that leave their folder) and `folders` (those
    that were searched).
    """

    paths: Sequence[Path]
    format_name: str | None = None
    template_format: str | None = None
    refused: list[Invalid] = field(default_factory=list)
    unfollowed: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)

    def __iter__(self) -> Iterator[Source]:
        seen: set[str] = set()
        for root in self.paths:
            for path in self._walk(root):
                real = os.path.realpath(path)
                if real not in seen:
                    seen.add(real)
                    yield self._open(path, named=path is root)

    def _walk(self, root: Path) -> Iterator[Path]:
        try:
            is_folder = S_ISDIR(root.stat().st_mode)
        except FileNotFoundError:
            text = f"{root}: there is no such file or folder. Check the path."
            self.refused.append(Invalid(text))
        except OSError as error:
            text = f"{root}: this can't be read: {error.strerror}. Check the path."
            self.refused.append(Invalid(text))
        else:
            yield from self._inside(root) if is_folder else (root,)

    def _inside(self, folder: Path) -> Iterator[Path]:
        """Yield the files of a folder that may hold prompts, sorted; a skill is one prompt."""

        def note(error: OSError) -> None:
            text = f"{error.filename}: this can't be read: {error.strerror}."
            self.refused.append(Invalid(text))

        for place, folders, names in os.walk(folder, onerror=note):
            self.folders.append(Path(place))
            inside = Path(place).name
            if SKILL in names:
                folders.clear()
                names = [SKILL]
            folders[:] = sorted(name for name in folders if _is_read(inside, name))
            for name in folders:
                self._leaves(Path(place, name), folder)  # os.walk follows no links; report them
            for name in sorted(names):
                path = Path(place, name)
                wanted = name == SKILL or (_is_taken(inside, name) and not _is_second(path))
                if not wanted or self._leaves(path, folder):
                    continue
                if path.is_file():  # reading a pipe would wait for a writer
                    yield path

    def _leaves(self, path: Path, folder: Path) -> bool:
        """Tell whether a path is a link that leads out of a folder, and note it if so."""
        if not path.is_symlink() or leads_into(path, folder):
            return False
        self.unfollowed.append(path)
        return True

    def _open(self, path: Path, *, named: bool) -> Source:
        if self.format_name is None and path.name == _SYSTEM and _is_pattern(path.parent):
            return self._open_pattern(path)
        read = sha256()
        pieces = _pieces(path, read)
        try:
            head = next(pieces, "")
            if not named and _is_about(path, head):
                return Source(path, iter(()), True, read)
            text = chain([head], pieces)
            prompts = read_file(
                str(path), text, self.format_name, template_format=self.template_format
            )
            first = list(islice(prompts, 2))
        except Invalid as refusal:
            return Source(path, iter((refusal,)), True, read)
        return Source(path, chain(first, _guarded(prompts)), len(first) < 2, read)

    def _open_pattern(self, system: Path) -> Source:
        """Read the two files of a pattern; as they are two, a `sync` leaves them."""
        read = sha256()
        try:
            file = self._read_pattern(system, read)
        except Invalid as refusal:
            return Source(system, iter((refusal,)), False, read)
        return Source(system, iter((file,)), False, read)

    def _read_pattern(self, system: Path, read: "_Hash") -> PromptFile:
        user = system.with_name(_USER)
        there = user.is_file() and not self._leaves(user, user.parent)
        second = whole(_pieces(user, read), str(user)) if there else ""
        file = read_pattern(whole(_pieces(system, read), str(system)), second, str(system))
        return as_meant(file, self.template_format)


def would_be_read(folder: Path, place: str) -> bool:
    """Tell whether a file at a place in a folder would be found where that folder is read."""
    *inside, name = PurePosixPath(place).parts
    above = [folder, *(folder.joinpath(*inside[: depth + 1]) for depth in range(len(inside)))]
    if any(os.path.lexists(each / SKILL) for each in above):
        return name == SKILL
    if any(each.is_symlink() and leads_into(each, folder) for each in above[1:]):
        return False  # its files are read at the target of the link, or not at all
    ways = zip(above, inside, strict=False)
    wanted = _is_taken(above[-1].name, name) and not _is_second(above[-1] / name)
    return wanted and all(_is_read(each.name, part) for each, part in ways)


def leaving(path: Path) -> str:
    """Return the warning that a link wasn't followed."""
    return (
        f"{path}: this link leads out of the folder, and wasn't followed. Name what it leads to, "
        "if it is wanted."
    )


def _is_read(inside: str, name: str) -> bool:
    if inside in _HIDDEN:
        return name in _HIDDEN[inside]
    return name in _HIDDEN or not name.startswith(".")


def _is_taken(inside: str, name: str) -> bool:
    return inside not in _HIDDEN and not name.startswith(".") and name.lower().endswith(_READ)


def _is_pattern(folder: Path) -> bool:
    """Tell whether a folder is a pattern, as fabric keeps them."""
    return Path(os.path.abspath(folder)).parent.name == _PATTERNS


def _is_second(path: Path) -> bool:
    """Tell whether a file is the second one of a pattern, and not a prompt of its own."""
    return path.name == _USER and _is_pattern(path.parent)


def _is_about(path: Path, head: str) -> bool:
    about = path.stem.lower() in _ABOUT and path.suffix.lower() == ".md"
    return about and not has_front_matter(head)


def _guarded(prompts: Iterable[PromptFile | Invalid]) -> Iterator[PromptFile | Invalid]:
    """Yield the prompts of a file, and the refusal that ends them."""
    try:
        yield from prompts
    except Invalid as refusal:
        yield refusal


def _pieces(path: Path, read: "_Hash") -> Iterator[str]:
    """Yield a file's text unchanged, a piece at a time, and add its bytes to the hash `read`.

    Raises:
        Invalid: it can't be read, or isn't UTF-8 text.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    try:
        with path.open("rb") as file:
            while data := file.read(_PIECE):
                read.update(data)
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
