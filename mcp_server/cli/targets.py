"""Where an export goes: one file with all prompts, or a folder with a file for each."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO

from storage.errors import Invalid

if TYPE_CHECKING:
    from mcp_server.domain.formats.files import PromptFile, Written
    from mcp_server.domain.formats.registry import Format


class Target(Protocol):
    """Takes prompts."""

    def write(self, prompt: "PromptFile") -> "Written":
        """Write a prompt; returns what was written.

        Raises:
            Invalid: the format can't hold it.
        """
        ...


@contextmanager
def file_target(file: Path, chosen: "Format") -> Iterator[Target]:
    """Write all prompts into one file, which is there when it is complete."""
    if file.is_dir():
        raise Invalid(
            f"{file}: this is a folder. Name a file, or use --each for a file a prompt in it."
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}-{os.getpid()}")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as out:
            target = _OneFile(out, chosen)
            yield target
            target.close()
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def folder_target(folder: Path, chosen: "Format") -> Iterator[Target]:
    """Write a file for each prompt, where the format has it."""
    if folder.exists() and not folder.is_dir():
        raise Invalid(f"{folder}: this is a file. Name a folder for {chosen.title}.")
    folder.mkdir(parents=True, exist_ok=True)
    yield _Folder(folder, chosen)


class _OneFile:
    def __init__(self, out: TextIO, chosen: "Format") -> None:
        if chosen.frame is None:  # whoever opens it has looked
            raise TypeError(chosen.name)
        self._out = out
        self._frame = chosen.frame
        self._write = chosen.writer()
        self._first = True

    def write(self, prompt: "PromptFile") -> "Written":
        written = self._write(prompt)
        self._out.write(self._frame.start if self._first else self._frame.between)
        self._out.write(written.text)
        self._first = False
        return written

    def close(self) -> None:
        """Write what stands at the end."""
        self._out.write(self._frame.empty if self._first else self._frame.end)


class _Folder:
    def __init__(self, folder: Path, chosen: "Format") -> None:
        self._folder = folder
        self._format = chosen
        self._inside = folder.as_posix()

    def write(self, prompt: "PromptFile") -> "Written":
        # A file of its own knows nothing of the others, as their titles.
        written = self._format.writer()(prompt)
        file = self._folder / self._name(prompt)
        file.parent.mkdir(parents=True, exist_ok=True)
        frame = self._format.frame
        text = f"{frame.start}{written.text}{frame.end}" if frame else written.text
        file.write_bytes(text.encode())
        return written

    def _name(self, prompt: "PromptFile") -> str:
        """Return where a prompt goes; into `.claude/commands` itself, it goes straight."""
        name = self._format.file_name(prompt)
        for depth in range(name.count("/"), 0, -1):
            place = "/".join(name.split("/")[:depth])
            if place.startswith(".") and f"/{self._inside}".endswith(f"/{place}"):
                return name[len(place) + 1 :]
        return name
