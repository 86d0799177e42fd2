"""Branches: `branch`, `branches`, `merge`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mcp_server.cli.options import AsJson, Expected, Force, Message, Name, Reference
from mcp_server.cli.printing import write_json, write_line, write_rows
from mcp_server.cli.prompts import File, FromJson, Template, read_fields
from mcp_server.cli.running import use_library, warn
from storage.values.entities import MAIN

if TYPE_CHECKING:
    from mcp_server.service.results import BranchStanding, Merged

Branch = Annotated[str, typer.Argument(help="The branch.")]


def branch(
    context: typer.Context,
    reference: Reference,
    branch: Branch,
    delete: Annotated[
        bool, typer.Option("--delete", "-d", help="Delete the branch; its versions stay.")
    ] = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Begin a branch at a version, or delete one."""
    from mcp_server.service.terms import Terms

    change = use_library(
        context,
        lambda library: (
            library.branches.delete(reference, branch, terms=Terms(force=force))
            if delete
            else library.branches.create(reference, branch)
        ),
    )
    for warning in change.warnings:
        warn(warning)
    if as_json:
        from mcp_server.schemas.branches import present_branch

        write_json(present_branch(change))
    elif change.head is None:
        write_line(f"{change.prompt.name}: deleted the branch {branch}; its versions stay")
    else:
        write_line(f"{change.prompt.name}: the branch {branch} begins at version {change.head}")


def branches(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """List a prompt's branches, each compared with main."""
    standings = use_library(context, lambda library: library.branches.list(name))
    if as_json:
        from mcp_server.schemas.branches import present_branches

        write_json(present_branches(standings))
        return
    write_rows(("Branch", "Head", "Ahead", "Behind", "By"), map(_row, standings))


def merge(
    context: typer.Context,
    name: Name,
    branch: Annotated[str, typer.Argument(help="The branch to merge.")],
    into: Annotated[str, typer.Option(help="The branch that it is merged into.")] = MAIN,
    file: File = None,
    template: Template = None,
    from_json: FromJson = None,
    message: Message = None,
    expected_version: Expected = None,
    delete_branch: Annotated[
        bool, typer.Option("--delete-branch", help="Delete the branch once it is merged.")
    ] = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Merge a branch. Conflicts are shown; give the merged text (--file) to decide them."""
    from mcp_server.schemas.branches import MergeIn

    request = MergeIn.read(
        {
            "name": name,
            "branch": branch,
            "into": into,
            "resolution": read_fields(from_json, file, template) or None,
            "commit_message": message,
            "expected_version": expected_version,
            "delete_branch": delete_branch,
            "force": force,
        }
    )
    merged = use_library(
        context,
        lambda library: library.branches.merge(
            request.name,
            request.branch,
            into=request.into,
            resolution=request.to_resolution(),
            delete_branch=request.delete_branch,
            terms=request.terms(),
        ),
    )
    for warning in merged.warnings:
        warn(warning)
    if as_json:
        from mcp_server.schemas.branches import present_merge

        write_json(present_merge(merged))
        return
    write_line(_outcome(merged))


def _row(standing: "BranchStanding") -> tuple[Any, ...]:
    branch = standing.branch
    return branch.branch, branch.head, standing.ahead, standing.behind, branch.created_by


def _outcome(merged: "Merged") -> str:
    name, version = merged.current.prompt.name, merged.current.version.version
    deletion = f"; deleted the branch {merged.branch}" if merged.branch_deleted else ""
    match merged.outcome:
        case "merged":
            outcome = f"merged {merged.branch} into {merged.into} as version {version}"
        case "fast_forward":
            outcome = (
                f"{merged.into} moved ahead to version {version}, the newest of {merged.branch}"
            )
        case _:
            outcome = f"everything of {merged.branch} is in {merged.into} already"
    return f"{name}: {outcome}{deletion}"
