"""Labels: `label`, `unlabel`, `label-history`."""

from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Annotated

import typer

from mcp_server.cli.options import AsJson, Cursor, Force, Limit, Name, Reference
from mcp_server.cli.printing import write_json, write_line, write_rows
from mcp_server.cli.reading import list_pages, tell_more
from mcp_server.cli.running import use_library, warn
from storage.values.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server.service.results import LabelMove
    from storage.values.entities import RecordedMove

Label = Annotated[
    str, typer.Argument(help="The label; 'production' decides what the bare name means.")
]


Reason = Annotated[str | None, typer.Option("--reason", help="Why; kept in the label's history.")]


def label(
    context: typer.Context,
    reference: Reference,
    label: Label,
    weight: Annotated[
        list[str] | None,
        typer.Option(help="Share its reads out among versions: 3=90 (repeatable)."),
    ] = None,
    reason: Reason = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Point a label at a version, moving it where it is set already."""
    from mcp_server.service.terms import Terms

    shares, terms = _read_shares(weight or ()), Terms(force=force)
    move = use_library(
        context,
        lambda library: library.labels.set(reference, label, shares, reason=reason, terms=terms),
    )
    _show(move, as_json=as_json)


def unlabel(
    context: typer.Context,
    name: Name,
    label: Label,
    reason: Reason = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Take a label away."""
    from mcp_server.service.terms import Terms

    terms = Terms(force=force)
    move = use_library(
        context,
        lambda library: library.labels.remove(name, label, reason=reason, terms=terms),
    )
    _show(move, as_json=as_json)


def label_history(
    context: typer.Context,
    name: Name,
    label: Annotated[str | None, typer.Option(help="Only moves of this label.")] = None,
    limit: Limit = None,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List who moved which label when, from where to where and why, newest first."""
    page = list_pages(
        context,
        lambda library, size, start: library.labels.list_moves(
            name, label=label, limit=size, cursor=start
        ),
        limit,
        cursor,
    )
    if as_json:
        from mcp_server.schemas.labels import present_label_history

        write_json(present_label_history(page))
        return
    write_rows(("Moved", "Label", "From", "To", "By", "Reason"), map(_row, page.items))
    tell_more(page)


def _read_shares(options: Sequence[str]) -> dict[int, int] | None:
    """Read weights written as `version=weight`; None if there are none."""
    shares: dict[int, int] = {}
    for option in options:
        version, _, weight = option.partition("=")
        if not (version.isdecimal() and weight.isdecimal()):
            raise Invalid(f"'--weight {option}' is no share. Write --weight 3=90.")
        shares[int(version)] = int(weight)
    return shares or None


def _row(move: "RecordedMove") -> Sequence[object]:
    moved_at = move.moved_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    to = _share_list(move.weights) if move.weights else move.to_version
    return moved_at, move.label, move.from_version, to, move.moved_by, move.reason


def _share_list(weights: "Mapping[int, int]") -> str:
    return ", ".join(f"{version} ({weight})" for version, weight in sorted(weights.items()))


def _show(move: "LabelMove", *, as_json: bool) -> None:
    for warning in move.warnings:
        warn(warning)
    if as_json:
        from mcp_server.schemas.labels import present_move

        write_json(present_move(move))
        return
    write_line(f"{move.prompt.name}: {move.label} {_outcome(move)}")


def _outcome(move: "LabelMove") -> str:
    before, after = move.from_version, move.to_version
    if after is None:
        return f"taken away from version {before}"
    if move.weights:
        return f"is shared out by weight: {_share_list(move.weights)}"
    if before == after:
        return f"stays at version {after}"
    return f"points at version {after} now" + (f", before at {before}" if before else "")
