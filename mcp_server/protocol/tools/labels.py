"""The tool that moves labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_server.protocol.tools import texts
from mcp_server.protocol.tools.tool import Tool
from mcp_server.schemas.labels import LabelIn, LabelMoveOut, present_move
from mcp_server.service.terms import Terms

if TYPE_CHECKING:
    from mcp_server.service.library import Library


async def _set(library: Library, given: LabelIn) -> LabelMoveOut:
    reference, label, labels = given.reference, given.label, library.labels
    keywords: Any = {"reason": given.reason, "terms": Terms(force=given.force)}
    if given.remove:
        move = await labels.remove(reference, label, **keywords)
    else:
        move = await labels.set(reference, label, given.shares(), **keywords)
    return present_move(move)


def _say(move: LabelMoveOut) -> str:
    return texts.join(
        [
            _outcome(move),
            f"Labels: {texts.labelled(move.labels)}. "
            f"'{move.name}' means version {move.served_version}.",
            *(move.warnings or ()),
        ]
    )


def _outcome(move: LabelMoveOut) -> str:
    before, after = move.from_version, move.to_version
    if after is None:
        return f"Took the label '{move.label}' away from version {before} of '{move.name}'."
    if move.weights:
        shares = ", ".join(f"{version} ({weight})" for version, weight in move.weights.items())
        return f"The label '{move.label}' of '{move.name}' is shared out by weight: {shares}."
    if before == after:
        return f"The label '{move.label}' pointed at version {after} of '{move.name}' already."
    moved = f", before that at version {before}" if before else ""
    return f"The label '{move.label}' points at version {after} of '{move.name}' now{moved}."


SET_LABEL = Tool(
    name="set_label",
    title="Set, move or remove a label",
    description="""\
Point a label at a version of a prompt, or take it away with `remove: true`. A label is a name \
that can be moved from version to version; a prompt has each label at most once, so setting it on \
another version moves it.

The label 'production' decides what the bare name of the prompt means to everyone who uses it, so \
moving it changes what users are served, at once and everywhere. Move it only when the user asks \
for exactly that. Without it, the bare name means the newest version of main. Other labels, such \
as 'staging', change nothing for those who don't ask for them.

`reference` is the prompt and the version to point at: 'name@4' for version 4, 'name@staging' to \
promote what staging points at, 'name@latest' for the newest. A bare name means what is served \
now. 'latest' is reserved and can't be set. Who moved a label, when, from where to where and for \
what `reason` is kept, and shown by list_versions.

To try a version on a part of the users, give `weights` with just the name as `reference`: \
{"3": 90, "4": 10} serves version 4 to a tenth of them, always the same ones. Lists and searches \
show the version with the largest weight. Setting the label on one version ends the trial.""",
    input=LabelIn,
    output=LabelMoveOut,
    run=_set,
    say=_say,
    writes=True,
    destructive=True,
    idempotent=True,
)
