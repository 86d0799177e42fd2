"""Targets of an export: one file with all prompts, or a folder with a file for each."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Protocol, TextIO

from mcp_server.cli.places import path_in, remove_leftovers, replacing, write_file
from mcp_server.domain.formats.files import PromptFile, Written
from mcp_server.domain.formats.registry import Format
from mcp_server.domain.formats.rewriting import holds, read_alone, rewrite, write_alone
from storage.values.entities import Draft
from storage.values.errors import Conflict, Invalid

Texts = Callable[[str], AsyncIterator[Draft]]
"""Yields the current and earlier texts of the prompt of a name."""


class Target(Protocol):
    """A destination of prompts."""

    async def write(self, prompt: PromptFile, texts: Texts) -> Written:
        """Write a prompt; return its text and losses.

        Raises:
            Invalid: the format can't hold it.
            Conflict: its place has a link, or a file that isn't known to hold it.
        """
        ...


@contextmanager
def file_target(file: Path, chosen: Format) -> Iterator[Target]:
    """Write all prompts into one file, which appears once it is complete."""
    if file.is_dir():
        raise Invalid(
            f"{file}: this is a folder. Name a file, or use --each for a file a prompt in it."
        )
    with _opened(file) as out:
        target = _OneFile(out, chosen)
        yield target
        target.close()


@contextmanager
def _opened(file: Path) -> Iterator[TextIO]:
    """Open a file for writing, to appear once complete; a device or a pipe is written directly."""
    file = Path(os.path.realpath(file))  # a link stands for its target
    if file.exists() and not file.is_file():
        with file.open("w", encoding="utf-8", newline="") as out:
            yield out
        return
    remove_leftovers(file.parent)
    with replacing(file) as raw:
        out = TextIOWrapper(raw, encoding="utf-8", newline="")
        yield out
        out.detach()


@contextmanager
def folder_target(folder: Path, chosen: Format, *, force: bool = False) -> Iterator[Target]:
    """Write a file for each prompt, where the format has it; with `force` over any other file."""
    if folder.exists() and not folder.is_dir():
        raise Invalid(f"{folder}: this is a file. Name a folder for {chosen.title}.")
    folder.mkdir(parents=True, exist_ok=True)
    yield _Folder(folder, chosen, force)


class _OneFile:
    def __init__(self, out: TextIO, chosen: Format) -> None:
        if chosen.frame is None:  # the command checks this first
            raise TypeError(chosen.name)
        self._out = out
        self._frame = chosen.frame
        self._write = chosen.writer()
        self._first = True

    async def write(self, prompt: PromptFile, texts: Texts) -> Written:
        written = self._write(prompt)
        self._out.write(self._frame.start if self._first else self._frame.between)
        self._out.write(written.text)
        self._first = False
        return written

    def close(self) -> None:
        """Write the end of the frame, or the frame of an empty list."""
        self._out.write(self._frame.empty if self._first else self._frame.end)


class _Folder:
    def __init__(self, folder: Path, chosen: Format, force: bool) -> None:
        self._folder = folder
        self._format = chosen
        self._force = force
        self._inside = folder.as_posix()
        self._tidied: set[Path] = set()

    async def write(self, prompt: PromptFile, texts: Texts) -> Written:
        written = write_alone(prompt, self._format)
        place = self._name(prompt)
        try:
            await self._write(path_in(self._folder, place), written.text.encode(), prompt, texts)
        except Conflict as error:
            raise Conflict(f"{self._folder / place}: {error.message}") from None
        return written

    async def _write(self, path: Path, data: bytes, prompt: PromptFile, texts: Texts) -> None:
        self._tidy(path.parent)
        existing = path.read_bytes() if path.exists() else None
        if existing == data:
            return
        if existing is not None and not self._force:
            data = await self._renewed(path, existing, prompt, texts) or data
        if existing != data:
            write_file(path, data, seen=existing)

    def _tidy(self, folder: Path) -> None:
        """Remove the unfinished files of killed exports from a folder, once."""
        if folder not in self._tidied:
            self._tidied.add(folder)
            remove_leftovers(folder)

    async def _renewed(
        self, path: Path, existing: bytes, prompt: PromptFile, texts: Texts
    ) -> bytes | None:
        """Return the existing file with the prompt put into it; None if it has to be written anew.

        Raises:
            Conflict: content of the file would be lost.
        """
        try:
            file = read_alone(str(path), existing.decode(), self._format.name)
        except (Invalid, UnicodeDecodeError):
            raise _foreign(prompt) from None
        if not await self._is_known(path, file, prompt, texts):
            raise _foreign(prompt)
        if write_alone(file, self._format).text.encode() == existing:  # an export of ours, unedited
            return None
        try:
            return rewrite(existing.decode(), file, prompt, str(path)).text.encode()
        except Invalid:  # the file's own layout can't hold the prompt
            if file.remarks:
                raise _foreign(prompt) from None
            return None

    async def _is_known(
        self, path: Path, file: PromptFile, prompt: PromptFile, texts: Texts
    ) -> bool:
        """Tell whether a file holds a current or earlier text of this prompt."""
        if file.metadata.name != prompt.metadata.name:
            return False
        if prompt.history is not None:  # it carries its texts, even if archived
            drafts = [version.draft for version in prompt.history.versions]
            return any(holds(file, draft, self._format, str(path)) for draft in drafts)
        async for draft in texts(prompt.metadata.name):
            if holds(file, draft, self._format, str(path)):
                return True
        return False

    def _name(self, prompt: PromptFile) -> str:
        """Return a prompt's file name, without hidden folders that the target itself is."""
        name = self._format.file_name(prompt)
        for depth in range(name.count("/"), 0, -1):
            place = "/".join(name.split("/")[:depth])
            if place.startswith(".") and f"/{self._inside}".endswith(f"/{place}"):
                return name[len(place) + 1 :]
        return name


def _foreign(prompt: PromptFile) -> Conflict:
    return Conflict(
        f"This holds something else than '{prompt.metadata.name}' as it is or was in the library, "
        "and was left as it is. Import it, rename it, or export with --force."
    )
