"""The folder of a sync: reading the prompts in its files, and writing them."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain
from pathlib import Path, PurePosixPath

from mcp_server.cli.places import path_in, remove_leftovers, write_file
from mcp_server.cli.sources import Source, Sources, leaving, would_be_read
from mcp_server.domain.formats import rewriting
from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.formats.registry import find_format
from mcp_server.domain.formats.rewriting import Rewritten
from mcp_server.domain.syncing import fingerprint
from storage.values.errors import Conflict, Invalid

_TRIED = 99
"""The bound of the numbers that are tried in the name of a new file."""


@dataclass(frozen=True, slots=True)
class Found:
    """The file of a single prompt, without its text.

    `digest` is the hash of its bytes, `fingerprint` that of the prompt. `says` names the metadata
    fields that the file decides.
    """

    place: str
    digest: str
    fingerprint: str
    says: frozenset[str]


@dataclass(slots=True)
class SyncedFolder:
    """The contents of a folder: prompts by name, and the `unread` places, which can't be synced.

    `taken` holds the places of all files in the form of `_folded`; `remarks` are for the report,
    and `left` counts the unread and the refused files.
    """

    folder: Path
    found: dict[str, Found] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)
    remarks: list[str] = field(default_factory=list)
    left: int = 0
    _listed: set[PurePosixPath] = field(default_factory=set)

    @classmethod
    def read(cls, folder: Path) -> "SyncedFolder":
        """Read a folder's files, and remove the unfinished ones that killed processes left."""
        here = cls(folder)
        sources = Sources([folder])
        for source in sources:
            here._add(source)
        for inside in sources.folders:
            remove_leftovers(inside)
        here.remarks += [error.message for error in sources.refused]
        here.remarks += map(leaving, sources.unfollowed)
        here.left = len(here.unread) + len(sources.refused)
        return here

    def open(self, found: Found) -> PromptFile:
        """Read a file again, with its text.

        Raises:
            Conflict: the file has changed.
        """
        for source in Sources([self.folder / found.place]):
            for file in source.prompts:
                if isinstance(file, PromptFile) and source.read.hexdigest() == found.digest:
                    return file
        raise _changed()

    def rewrite(self, found: Found, here: PromptFile, wanted: PromptFile) -> tuple[bool, Rewritten]:
        """Write a prompt into the file that was read as `here`.

        Returns whether that changed the file, and its new content.

        Raises:
            Invalid: the file's format can't hold it.
            Conflict: the file has changed, or is a link.
        """
        path = path_in(self.folder, found.place)
        data = path.read_bytes()
        if sha256(data).hexdigest() != found.digest:
            raise _changed()
        rewritten = rewriting.rewrite(data.decode(), here, wanted, str(path))
        new_data = rewritten.text.encode()
        if new_data != data:
            write_file(path, new_data, seen=data)
        return new_data != data, rewritten

    def write_new(self, wanted: PromptFile, format_name: str) -> tuple[str, Rewritten]:
        """Write a prompt into a new file; return its place and content.

        Raises:
            Invalid: its format can't hold it.
            Conflict: its place holds a file that can't be read, or no place is free.
        """
        place = self._free_place(wanted, format_name)
        path = path_in(self.folder, place)
        rewritten = rewriting.write_new(wanted, str(path))
        write_file(path, rewritten.text.encode(), seen=None)
        self.taken.add(_folded(place))
        return place, rewritten

    def check_holds(self, found: Found, here: PromptFile, wanted: PromptFile) -> None:
        """Refuse a prompt that differs from the file only in content its format has no place for.

        Raises:
            Invalid: it does so; the message names that content.
        """
        file_format, path = find_format(here.format_name), str(self.folder / found.place)
        same = rewriting.same_text(here, wanted)
        if not same and rewriting.holds(here, wanted.draft, file_format, path):
            raise rewriting.cannot_hold(wanted, file_format, path)

    def _add(self, source: Source) -> None:
        place = source.path.relative_to(self.folder).as_posix()
        self.taken.add(_folded(place))
        if not source.alone:
            remark = f"{place}: this holds several prompts, and isn't synced. Import it."
            self.remarks.append(remark)
            return
        for prompt in source.prompts:
            if isinstance(prompt, Invalid):
                self.unread.add(place)
                self.remarks.append(prompt.message)
            elif prompt.metadata.name in self.found:
                self.unread.add(place)
                other = self.found[prompt.metadata.name].place
                remark = f"{place}: {other} holds a prompt of the same name. Rename one."
                self.remarks.append(remark)
            else:
                digests = source.read.hexdigest(), fingerprint(prompt)
                self.found[prompt.metadata.name] = Found(place, *digests, prompt.says)

    def _free_place(self, wanted: PromptFile, format_name: str) -> str:
        """Return a place that is free, even ignoring case, and that the next sync reads."""
        first = find_format(format_name).file_name(wanted)
        broken = {_folded(place): place for place in self.unread}
        if _folded(first) in broken:
            raise Conflict(
                f"Its file would be {broken[_folded(first)]}, which can't be read and was left as "
                "it is. Mend or rename that."
            )
        root = PurePosixPath(first).name
        for place in chain(_numbered(first), _numbered(root)):
            if would_be_read(self.folder, place) and not self._is_taken(place):
                return place
        raise Conflict(f"No file for it can be had in {self.folder}. Rename some there.")

    def _is_taken(self, place: str) -> bool:
        inside = PurePosixPath(place).parent
        if inside not in self._listed and (self.folder / inside).is_dir():
            self._listed.add(inside)  # list each folder once: it may hold many files
            there = (self.folder / inside).iterdir()
            self.taken.update(_folded((inside / each.name).as_posix()) for each in there)
        return _folded(place) in self.taken


def _changed() -> Conflict:
    return Conflict("This changed in between, and was left as it is. Try again.")


def _numbered(place: str) -> Iterator[str]:
    path = PurePosixPath(place)
    yield place
    for number in range(2, _TRIED):
        yield path.with_name(f"{path.stem}-{number}{path.suffix}").as_posix()


def _folded(place: str) -> str:
    """Return a place as file systems compare it that ignore case and Unicode normalization."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", place).casefold())
