"""Where an export goes: one CSV file, or a folder of Markdown files."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO

from mcp_server.cli.running import warn
from storage.errors import Invalid

if TYPE_CHECKING:
    from mcp_server.domain.formats.files import PromptFile

_NAMED = 3
"""So many of the prompts that lose something are named."""


class Target(Protocol):
    """Takes prompts."""

    def write(self, prompt: "PromptFile") -> None:
        """Write a prompt.

        Raises:
            Invalid: the format can't hold it.
        """
        ...


@contextmanager
def csv_target(file: Path) -> Iterator[Target]:
    """Write one CSV file, which is there when it is complete."""
    if file.is_dir():
        raise Invalid(f"{file}: this is a folder. Name a file for CSV, or use --format markdown.")
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}-{os.getpid()}")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as out:
            target = _CsvTarget(out)
            yield target
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
    target.say_lost()


@contextmanager
def markdown_target(folder: Path) -> Iterator[Target]:
    """Write one Markdown file a prompt, in folders as in the library."""
    if folder.exists() and not folder.is_dir():
        raise Invalid(f"{folder}: this is a file. Name a folder for Markdown.")
    folder.mkdir(parents=True, exist_ok=True)
    yield _MarkdownTarget(folder)


class _MarkdownTarget:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, prompt: "PromptFile") -> None:
        from mcp_server.domain.formats.markdown_format import write_markdown

        file = self._folder / prompt.metadata.folder / f"{prompt.metadata.name}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(write_markdown(prompt).encode())


class _CsvTarget:
    def __init__(self, out: TextIO) -> None:
        from mcp_server.domain.formats.csv_format import write_csv

        self._out = out
        self._header = write_csv([])
        self._titles: list[str] = []
        self._names: list[str] = []
        self._lossy: list[str] = []
        out.write(self._header)

    def write(self, prompt: "PromptFile") -> None:
        from mcp_server.domain.formats.csv_format import write_csv

        written = write_csv([prompt])
        self._out.write(written.removeprefix(self._header))
        metadata = prompt.metadata
        self._titles.append(metadata.title or metadata.name)
        self._names.append(metadata.name)
        if _loses(prompt, written):
            self._lossy.append(metadata.name)

    def say_lost(self) -> None:
        """Say which prompts the file doesn't hold in full."""
        from mcp_server.domain.names import unique_names

        # Who reads the file makes names out of the titles in it.
        pairs = zip(self._names, unique_names(self._titles), strict=True)
        renamed = [name for name, read in pairs if name != read]
        lossy = list(dict.fromkeys([*self._lossy, *renamed]))
        if not lossy:
            return
        named = ", ".join(f"'{name}'" for name in lossy[:_NAMED])
        others = f" and {len(lossy) - _NAMED} more" if len(lossy) > _NAMED else ""
        warn(
            f"CSV holds no more than titles, texts and a few tags: of {named}{others} it lacks "
            "something (a description, a folder, settings or the name). Export to a folder to "
            "keep everything."
        )


def _loses(prompt: "PromptFile", written: str) -> bool:
    """Tell whether reading back what was written gives something else, names aside."""
    from mcp_server.domain.drafts import content_hash
    from mcp_server.domain.formats.csv_format import read_csv

    back = next(iter(read_csv(written)))
    if isinstance(back, Invalid):
        return True
    same = content_hash(back.draft) == content_hash(prompt.draft)
    return not same or replace(back.metadata, name=prompt.metadata.name) != prompt.metadata
