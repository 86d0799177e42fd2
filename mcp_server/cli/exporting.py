"""`export`: the library as files that can be imported again, here or by other programs."""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mcp_server.cli.options import HavingTag, InFolder, make_filter
from mcp_server.cli.printing import counted, write_line
from mcp_server.cli.progress import progress
from mcp_server.cli.running import EXIT_CODES, use_library, warn
from storage.values.errors import Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server.cli.targets import Target
    from mcp_server.domain.formats.files import Written
    from mcp_server.domain.formats.registry import Format
    from mcp_server.service.library import Library
    from storage.values.entities import Draft, PromptFilter

_NAMED = 3
"""The number of prompts that a warning names; the others are counted."""
_PAGE = 20


def export(
    context: typer.Context,
    target: Annotated[Path, typer.Argument(help="A file for all prompts, or a folder.")],
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="json, jsonl, yaml, csv, markdown, skill, claude-command, vscode, langfuse, "
            "mlflow, openai or rows; by default what the target's name ends in, and in a folder "
            "markdown.",
        ),
    ] = None,
    history: Annotated[
        bool,
        typer.Option(
            "--history",
            help="With all versions, branches and labels, and archived prompts; json, jsonl, yaml.",
        ),
    ] = False,
    each: Annotated[
        bool, typer.Option("--each", help="Write a file for each prompt into a folder.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="In a folder, also replace files whose text the library never had."
        ),
    ] = False,
    guard_formulas: Annotated[
        bool,
        typer.Option(
            "--guard-formulas",
            help="Of csv: put an apostrophe before cells that spreadsheets would run; import takes "
            "it away again.",
        ),
    ] = False,
    tag: HavingTag = None,
    folder: InFolder = None,
) -> None:
    """Write prompts to files, each with the text that its bare name means now.

    In a folder, only files are replaced whose text the library has or had.
    """
    prompt_filter = make_filter(tag, folder)
    file_format = _choose(target, format_, history, guard=guard_formulas)
    opened = _open(target, file_format, each, force)
    losses = _Losses(file_format)
    try:
        count, left = use_library(
            context, lambda library: _write_all(library, prompt_filter, opened, losses, history)
        )
    except OSError as error:
        raise Invalid(
            f"{error.filename or target}: this can't be written: {error.strerror}. "
            "Name another place."
        ) from None
    losses.say()
    write_line(f"{counted(count, 'prompt')} written to {target}")
    if left:
        raise typer.Exit(EXIT_CODES[Conflict])


@dataclass(slots=True)
class _Losses:
    """The losses of an export by prompt, and its risks: cells that spreadsheets would run."""

    format: "Format"
    prompts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    risks: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def add(self, name: str, written: "Written") -> None:
        """Record the losses and risks of a prompt."""
        if written.lost:
            self.prompts[name] = written.lost
        if written.risks:
            self.risks[name] = written.risks

    def say(self) -> None:
        """Warn of losses and risks: name the first few prompts, count the others."""
        if self.prompts:
            warn(
                f"Not everything fits into {self.format.name}. Of these prompts something is "
                f"missing: {_listed(self.prompts)}. Export as markdown, json or yaml to keep all."
            )
        if self.risks:
            warn(
                f"Don't open the file in a spreadsheet: {_listed(self.risks)}. Export with "
                "--guard-formulas to make them texts."
            )


def _listed(prompts: "Mapping[str, tuple[str, ...]]") -> str:
    named = ", ".join(
        f"'{name}' ({', '.join(dict.fromkeys(each))})"
        for name, each in list(prompts.items())[:_NAMED]
    )
    more = len(prompts) - _NAMED
    return f"{named} and {more} more" if more > 0 else named


def _choose(target: Path, format_name: str | None, history: bool, *, guard: bool) -> "Format":
    from mcp_server.domain.formats.registry import FORMATS, detect, find_format, guarded

    if format_name is None:
        format_name = detect(target.name, "") if target.suffix else "markdown"
    file_format = find_format(format_name)
    if history and not file_format.keeps_history:
        able = ", ".join(each.name for each in FORMATS.values() if each.keeps_history)
        raise Invalid(f"{file_format.title} has no place for a history. Use --format with {able}.")
    return guarded(file_format) if guard else file_format


def _open(
    target: Path, file_format: "Format", each: bool, force: bool
) -> "AbstractContextManager[Target]":
    from mcp_server.cli.targets import file_target, folder_target

    if each or file_format.frame is None:
        return folder_target(target, file_format, force=force)
    return file_target(target, file_format)


async def _write_all(
    library: "Library",
    prompt_filter: "PromptFilter",
    opened: "AbstractContextManager[Target]",
    losses: _Losses,
    history: bool,
) -> tuple[int, int]:
    """Write prompts one by one; return the numbers of prompts written and of files left alone.

    A prompt that can't be written is skipped with a warning.
    """
    count = left = 0
    with progress("Exporting") as advance, opened as target:
        async for prompt in library.exporting.read(prompt_filter, history=history):
            advance()
            try:
                written = await target.write(prompt, partial(_texts, library))
            except (Invalid, Conflict) as error:
                warn(error.message)
                left += isinstance(error, Conflict)
                continue
            count += 1
            losses.add(prompt.metadata.name, written)
    return count, left


async def _texts(library: "Library", name: str) -> "AsyncIterator[Draft]":
    """Yield the texts of a prompt, the newest first."""
    cursor: str | None = None
    while True:
        page = (await library.versions.history(name, limit=_PAGE, cursor=cursor)).versions
        for version in page.items:
            yield version.draft
        cursor = page.next_cursor
        if cursor is None:
            return
