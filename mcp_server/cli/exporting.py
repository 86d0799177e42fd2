"""`export`: the library as files that can be imported again, here or by other programs."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mcp_server.cli.options import HavingTag, InFolder, make_filter
from mcp_server.cli.printing import counted, write_line
from mcp_server.cli.progress import progress
from mcp_server.cli.running import use_library, warn
from storage.errors import Invalid

if TYPE_CHECKING:
    from mcp_server.cli.targets import Target
    from mcp_server.domain.formats.registry import Format
    from mcp_server.service.library import Library
    from storage.entities import PromptFilter

_NAMED = 3
"""So many of the prompts that lose something are named."""


def export(
    context: typer.Context,
    target: Annotated[Path, typer.Argument(help="A file for all prompts, or a folder.")],
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="json, jsonl, yaml, csv, markdown, skill, claude-command, vscode, langfuse, "
            "mlflow or openai; by default what the target's name ends in, in a folder markdown.",
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
    tag: HavingTag = None,
    folder: InFolder = None,
) -> None:
    """Write prompts to files, each with the text that its bare name means now."""
    chosen = make_filter(tag, folder)
    found = _choose(target, format_, history)
    opened = _open(target, found, each)
    losses = _Losses(found)
    try:
        written = use_library(
            context, lambda library: _write_all(library, chosen, opened, losses, history)
        )
    except OSError as error:
        raise Invalid(
            f"{error.filename or target}: this can't be written: {error.strerror}. "
            "Name another place."
        ) from None
    losses.say()
    write_line(f"{counted(written, 'prompt')} written to {target}")


@dataclass(slots=True)
class _Losses:
    """What a format can't carry of which prompts."""

    format: "Format"
    prompts: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def say(self) -> None:
        """Say what was lost of the first few, and of how many more."""
        if not self.prompts:
            return
        named = ", ".join(
            f"'{name}' ({', '.join(dict.fromkeys(lost))})"
            for name, lost in list(self.prompts.items())[:_NAMED]
        )
        more = len(self.prompts) - _NAMED
        others = f" and {more} more" if more > 0 else ""
        warn(
            f"Not everything fits into {self.format.name}. Of these prompts something is missing: "
            f"{named}{others}. Export as markdown, json or yaml to keep all."
        )


def _choose(target: Path, format_name: str | None, history: bool) -> "Format":
    from mcp_server.domain.formats.registry import FORMATS, detect, find_format

    if format_name is None:
        format_name = detect(target.name, "") if target.suffix else "markdown"
    found = find_format(format_name)
    if history and not found.keeps_history:
        able = ", ".join(each.name for each in FORMATS.values() if each.keeps_history)
        raise Invalid(f"{found.title} has no place for a history. Use --format with {able}.")
    return found


def _open(target: Path, chosen: "Format", each: bool) -> "AbstractContextManager[Target]":
    from mcp_server.cli.targets import file_target, folder_target

    alone = each or chosen.frame is None
    return folder_target(target, chosen) if alone else file_target(target, chosen)


async def _write_all(
    library: "Library",
    chosen: "PromptFilter",
    opened: "AbstractContextManager[Target]",
    losses: _Losses,
    history: bool,
) -> int:
    """Write one after the other; what the format can't hold is said and left out."""
    count = 0
    with progress("Exporting") as advance, opened as target:
        async for prompt in library.exporting.read(chosen, history=history):
            advance()
            try:
                written = target.write(prompt)
            except Invalid as error:
                warn(error.message)
                continue
            count += 1
            if written.lost:
                losses.prompts[prompt.metadata.name] = written.lost
    return count
