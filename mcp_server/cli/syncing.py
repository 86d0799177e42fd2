"""`sync`: a folder of files and the library, kept in step."""

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mcp_server.cli.options import HavingTag, InFolder, make_filter
from mcp_server.cli.running import EXIT_CODES, use_library
from storage.values.errors import Conflict, Invalid, Unavailable

if TYPE_CHECKING:
    from mcp_server.cli.sync_runs import SyncRun
    from mcp_server.service.library import Library

_EVERY = 2_000
"""Milliseconds between two checks of the library, while the folder doesn't change."""
_FORMATS = ("markdown", "yaml", "json")
_SIDES = ("files", "library")


def sync(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="The folder, with a file for each prompt.")],
    watch: Annotated[bool, typer.Option("--watch", help="Go on until interrupted.")] = False,
    prefer: Annotated[
        str | None,
        typer.Option(help="Where both changed, take `files` or `library`; else they are left."),
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", help="Of new files: markdown, yaml or json.")
    ] = "markdown",
    force: Annotated[
        bool,
        typer.Option("--force", help="Take texts that break prompts which include them, too."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what was done as JSON, without --watch.")
    ] = False,
    tag: HavingTag = None,
    in_folder: InFolder = None,
) -> None:
    """Keep a folder and the newest texts of the library in step. Nothing is ever deleted."""
    from mcp_server.cli.sync_reports import SyncReport
    from mcp_server.cli.sync_runs import SyncRun

    if format_ not in _FORMATS:
        raise Invalid(f"A folder isn't kept in '{format_}'. Use {', '.join(_FORMATS)}.")
    if prefer is not None and prefer not in _SIDES:
        raise Invalid(f"'{prefer}' is no side to prefer. Use {' or '.join(_SIDES)}.")
    if watch and as_json:
        raise Invalid("--json tells of one sync, and --watch goes on. Leave one of them out.")
    if folder.exists() and not folder.is_dir():
        raise Invalid(f"{folder}: this is a file. Name a folder.")
    folder.mkdir(parents=True, exist_ok=True)
    prompt_filter = make_filter(tag, in_folder)
    sync_run = SyncRun(folder, prompt_filter, format_, prefer, force, SyncReport(as_json))

    async def watched(library: "Library") -> int:
        return await _watch(sync_run, library)

    try:
        conflicts = use_library(context, watched if watch else sync_run.once)
    except KeyboardInterrupt:
        return
    except OSError as error:
        raise Invalid(
            f"{error.filename or folder}: this can't be written: {error.strerror}. Check the "
            "folder."
        ) from None
    if conflicts:
        raise typer.Exit(EXIT_CODES[Conflict])


async def _watch(sync_run: "SyncRun", library: "Library") -> int:
    """Sync again on every change of either side; return the number of conflicts."""
    conflicts = 0
    synced_tokens: tuple[str, str] | None = None
    async for _ in _changes(sync_run.folder):
        try:
            tokens = (await library.syncing.change_token(), _folder_token(sync_run.folder))
            if tokens != synced_tokens:
                conflicts = await sync_run.once(library)
                synced_tokens = (
                    tokens  # taken before the sync, so that changes during it start another
                )
        except Unavailable as away:
            sync_run.report.say(f"{away.local} Watching goes on.")
    return conflicts


async def _changes(folder: Path) -> AsyncIterator[None]:
    """Yield at once, on changes in the folder, and after `_EVERY` milliseconds without any."""
    from watchfiles import awatch

    yield
    async for _ in awatch(folder, yield_on_timeout=True, rust_timeout=_EVERY):
        yield


def _folder_token(folder: Path) -> str:
    """Return a token that changes whenever a file in the folder does."""
    return str(sorted(_stats(folder)))


def _stats(folder: Path) -> Iterator[tuple[str, int, int]]:
    for path in folder.rglob("*"):
        with suppress(OSError):  # it may be gone by now
            if path.is_file() and not path.name.startswith("."):
                stat = path.stat()
                yield str(path), stat.st_mtime_ns, stat.st_size
