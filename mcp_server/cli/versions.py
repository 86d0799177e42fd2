"""The history of a prompt: `versions`, `diff`, `restore-version`."""

from datetime import UTC
from typing import TYPE_CHECKING, Annotated

import typer

from mcp_server.cli.options import AsJson, Cursor, Expected, Force, Limit, Message, Name, OnBranch
from mcp_server.cli.printing import is_terminal, write, write_json, write_rows
from mcp_server.cli.prompts import show_saved
from mcp_server.cli.reading import list_pages, tell_more
from mcp_server.cli.running import use_library
from storage.values.entities import MAIN

if TYPE_CHECKING:
    from storage.values.entities import VersionSummary

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def list_versions(
    context: typer.Context,
    name: Name,
    branch: Annotated[str | None, typer.Option(help="Only what is in this branch.")] = None,
    limit: Limit = None,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List a prompt's versions, newest first."""
    page = list_pages(
        context,
        lambda library, size, start: library.versions.list(
            name, branch=branch, limit=size, cursor=start
        ),
        limit,
        cursor,
    )
    if as_json:
        from mcp_server.schemas.versions import present_versions

        write_json(present_versions(page))
        return
    write_rows(
        ("Version", "Branch", "From", "Written", "By", "Labels", "Message"), map(_row, page.items)
    )
    tell_more(page)


def diff(
    context: typer.Context,
    old: Annotated[str, typer.Argument(help="The version before, as name@3.")],
    new: Annotated[str, typer.Argument(help="The version after, as name@4 or name@latest.")],
    words: Annotated[bool, typer.Option("--words", help="Word by word.")] = False,
    merge: Annotated[
        bool, typer.Option("--merge", help="Show what merging the second into the first brings.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what changed between two versions."""
    comparison = use_library(
        context, lambda library: library.versions.diff(old, new, words=words, merge=merge)
    )
    if as_json:
        from mcp_server.schemas.versions import present_diff

        write_json(present_diff(comparison))
        return
    text = comparison.difference.text if comparison.merge is None else comparison.merge.text
    write(_coloured(text) if is_terminal() else text)


def restore_version(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(help="The version to bring back, as name@3.")],
    message: Message = None,
    branch: OnBranch = None,
    expected_version: Expected = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write an old version's content as a new version; history goes on."""
    from mcp_server.service.terms import Terms

    terms = Terms(expected_version=expected_version, commit_message=message, force=force)
    saved = use_library(
        context,
        lambda library: library.versions.restore(reference, branch=branch or MAIN, terms=terms),
    )
    show_saved(saved, as_json=as_json)


def _row(version: "VersionSummary") -> tuple[object, ...]:
    written_at = version.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    labels = ", ".join(version.labels)
    made_from = " + ".join(
        str(each) for each in (version.parent, version.merged_from) if each is not None
    )
    return (
        version.version,
        version.branch,
        made_from,
        written_at,
        version.created_by,
        labels,
        version.commit_message,
    )


def _coloured(text: str) -> str:
    return "".join(
        typer.style(line, fg=_COLOURS.get(line[:1])) for line in text.splitlines(keepends=True)
    )
