"""Labels: `label`, `unlabel`."""

from typing import TYPE_CHECKING, Annotated

import typer

from mcp_server.cli.options import AsJson, Name, Reference
from mcp_server.cli.printing import write_json, write_line
from mcp_server.cli.running import Invocation, use_library

if TYPE_CHECKING:
    from mcp_server.service.results import LabelMove

Label = Annotated[
    str, typer.Argument(help="The label; 'production' decides what the bare name means.")
]


def label(
    context: typer.Context, reference: Reference, label: Label, as_json: AsJson = False
) -> None:
    """Point a label at a version, moving it where it is set already."""
    actor = Invocation.of(context).actor
    move = use_library(context, lambda library: library.labels.set(reference, label, by=actor))
    _show(move, as_json=as_json)


def unlabel(context: typer.Context, name: Name, label: Label, as_json: AsJson = False) -> None:
    """Take a label away."""
    actor = Invocation.of(context).actor
    move = use_library(context, lambda library: library.labels.remove(name, label, by=actor))
    _show(move, as_json=as_json)


def _show(move: "LabelMove", *, as_json: bool) -> None:
    if as_json:
        from mcp_server.schemas.labels import present_move

        write_json(present_move(move))
        return
    write_line(f"{move.prompt.name}: {move.label} {_outcome(move)}")


def _outcome(move: "LabelMove") -> str:
    before, after = move.from_version, move.to_version
    if after is None:
        return f"taken away from version {before}"
    if before == after:
        return f"stays at version {after}"
    return f"points at version {after} now" + (f", before at {before}" if before else "")
