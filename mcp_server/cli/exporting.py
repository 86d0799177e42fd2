"""`export`: what is served of the library, as files that can be imported again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mcp_server.cli.options import HavingTag, InFolder, make_filter
from mcp_server.cli.printing import counted, write_line
from mcp_server.cli.progress import progress
from mcp_server.cli.running import use_library, warn
from storage.errors import Invalid, NotFound

if TYPE_CHECKING:
    from mcp_server.cli.targets import Target
    from mcp_server.domain.formats.files import PromptFile
    from mcp_server.service.library import Library
    from storage.entities import PromptFilter, PromptSummary

_PAGE = 200
_AT_ONCE = 4

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
    with progress("Exporting") as advance, opened as target:
        async for prompt in _read_all(library, chosen, advance):
            try:
                target.write(prompt)
                written += 1
            except Invalid as error:
                warn(error.message)
    return written


async def _read_all(
    library: "Library", chosen: "PromptFilter", advance: Callable[[], None]
) -> AsyncIterator["PromptFile"]:
    slots = asyncio.Semaphore(_AT_ONCE)

    async def read(summary: "PromptSummary") -> "PromptFile | None":
        async with slots:
            return await _read(library, summary.name)

    cursor = None
    while True:
        page = await library.prompts.list(chosen, limit=_PAGE, cursor=cursor)
        for prompt in await asyncio.gather(*map(read, page.items)):
            advance()
            if prompt is not None:
                yield prompt
        cursor = page.next_cursor
        if cursor is None:
            return


async def _read(library: "Library", name: str) -> "PromptFile | None":
    """Read one prompt; None where it was archived meanwhile."""
    from mcp_server.domain.formats.files import PromptFile
    from storage.entities import Metadata

    try:
        source = await library.prompts.get(name)
    except NotFound:
        return None
    prompt, version = source.prompt, source.version
    metadata = Metadata(prompt.name, prompt.title, prompt.description, prompt.folder, prompt.tags)
    return PromptFile(metadata, version.draft, version.created_by, name)
