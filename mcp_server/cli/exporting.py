"""`export`: what is served of the library, as files that can be imported again."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mcp_server.cli.options import HavingTag, InFolder, make_filter
from mcp_server.cli.printing import counted, write_line
from mcp_server.cli.progress import progress
from mcp_server.cli.running import use_library, warn
from storage.errors import Invalid

if TYPE_CHECKING:
    from mcp_server.cli.targets import Target
    from mcp_server.domain.formats.files import PromptFile
    from mcp_server.service.library import Library
    from storage.entities import PromptFilter

_PAGE = 200

Format = Literal["csv", "markdown"]


def export(
    context: typer.Context,
    target: Annotated[Path, typer.Argument(help="A .csv file, or a folder for Markdown files.")],
    format_: Annotated[
        Format | None,
        typer.Option("--format", help="By default csv where the target ends in .csv."),
    ] = None,
    tag: HavingTag = None,
    folder: InFolder = None,
) -> None:
    """Write prompts to files, each with the text that its bare name means now."""
    chosen = make_filter(tag, folder)
    opened = _open(target, format_)
    try:
        written = use_library(context, lambda library: _write_all(library, chosen, opened))
    except OSError as error:
        raise Invalid(
            f"{error.filename or target}: this can't be written: {error.strerror}. "
            "Name another place."
        ) from None
    write_line(f"{counted(written, 'prompt')} written to {target}")


def _open(target: Path, chosen: Format | None) -> "AbstractContextManager[Target]":
    from mcp_server.cli.targets import csv_target, markdown_target

    is_csv = target.suffix.lower() == ".csv" if chosen is None else chosen == "csv"
    return csv_target(target) if is_csv else markdown_target(target)


async def _write_all(
    library: "Library", chosen: "PromptFilter", opened: "AbstractContextManager[Target]"
) -> int:
    """Write page by page; what the format can't hold is said and left out."""
    written = 0
    cursor = None
    with progress("Exporting") as advance, opened as target:
        while True:
            page = await library.exporting.read(chosen, limit=_PAGE, cursor=cursor)
            for prompt in page.items:
                advance()
                written += _write(target, prompt)
            cursor = page.next_cursor
            if cursor is None:
                return written


def _write(target: "Target", prompt: "PromptFile") -> bool:
    try:
        target.write(prompt)
    except Invalid as error:
        warn(error.message)
        return False
    return True
