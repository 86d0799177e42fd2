"""Labels: the movable pointers, and their history."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from mcp_server.domain.texts import refused, shown
from mcp_server.schemas.base import Shape, Time, Unwrapped, Whole
from mcp_server.schemas.composition import Force, Warnings
from mcp_server.schemas.prompts import Reference
from mcp_server.service.results import LabelMove
from storage.values.entities import RecordedMove
from storage.values.pages import Page

Weights = Annotated[
    dict[str, Annotated[int, Whole]],
    Unwrapped,
    Field(
        description="To share the label's reads out among versions instead: the weight of each, by "
        "number. The same reader always gets the same version.",
        examples=[{"3": 90, "4": 10}],
    ),
]
Reason = Annotated[
    str, Field(description="Why it is moved; kept in the label's history.", examples=["Tested"])
]


class LabelIn(Shape):
    """A label to be set, moved or taken away."""

    reference: Reference = Field(
        description="The prompt and the version to point at, as a reference: 'review@3', "
        "'review@staging' (where staging points now) or 'review@latest'. With `remove`, just the "
        "name; with `weights` too.",
        examples=["code-review@3"],
    )
    label: str = Field(
        description="The label: 1 to 64 of a-z, 0-9, '_', '.' and '-', beginning with a letter. "
        "'production' decides what the bare name means; 'latest' is reserved.",
        examples=["production", "staging"],
    )
    weights: Weights | None = None
    reason: Reason | None = None
    remove: bool = Field(False, description="Give true to take the label away instead.")
    force: Force = False

    def shares(self) -> dict[int, int] | None:
        """Return the weights by version; None if the label points at one version.

        Raises:
            Invalid: a key isn't a number.
        """
        return None if self.weights is None else read_weights(self.weights)


class LabelMoveOut(Shape):
    """Where a label pointed and where it points now."""

    name: str = Field(description="The prompt's name.")
    label: str = Field(description="The label.")
    from_version: int | None = Field(
        None, description="The version that it pointed at before; absent where it was new."
    )
    to_version: int | None = Field(
        None, description="The version that it points at now; absent where it was taken away."
    )
    weights: dict[str, int] | None = Field(
        None, description="The weight of each version, where the label shares its reads out now."
    )
    served_version: int = Field(description="The version that the bare name means now.")
    labels: dict[str, int] = Field(
        description="All labels of the prompt and the version that each points at now."
    )
    warnings: Warnings = None


class RecordedMoveOut(Shape):
    """What a label once did."""

    label: str = Field(description="The label.")
    from_version: int | None = Field(
        None, description="The version that it pointed at before; absent where it was new."
    )
    to_version: int | None = Field(
        None, description="The version that it was moved to; absent where it was taken away."
    )
    weights: dict[str, int] | None = Field(
        None, description="The weight of each version, where its reads were shared out."
    )
    moved_by: str = Field(description="Who moved it.")
    moved_at: Time = Field(description="When it was moved.")
    reason: str | None = Field(None, description="Why it was moved.")


class LabelHistoryOut(Shape):
    """A page of what a prompt's labels did, newest first."""

    items: list[RecordedMoveOut] = Field(description="The moves, newest first.")
    next_cursor: str | None = Field(
        None, description="Give this as `cursor` to get the next page; absent on the last one."
    )


def read_weights(written: Mapping[str, int]) -> dict[int, int]:
    """Return weights by version number.

    Raises:
        Invalid: a key isn't a number.
    """
    for version in written:
        if not version.isdecimal() or not version.isascii():
            raise refused("weights", f"names the version '{shown(version)}'. Use its number")
    return {int(version): weight for version, weight in written.items()}


def write_weights(weights: Mapping[int, int]) -> dict[str, int] | None:
    """Write weights as JSON, whose keys are texts; None if there are none."""
    return {str(version): weight for version, weight in weights.items()} or None


def present_recorded(move: RecordedMove) -> RecordedMoveOut:
    """Present a recorded move of a label."""
    return RecordedMoveOut(
        label=move.label,
        from_version=move.from_version,
        to_version=move.to_version,
        weights=write_weights(move.weights),
        moved_by=move.moved_by,
        moved_at=move.moved_at,
        reason=move.reason,
    )


def present_label_history(page: Page[RecordedMove]) -> LabelHistoryOut:
    """Present a page of the moves of a prompt's labels."""
    items = [present_recorded(move) for move in page.items]
    return LabelHistoryOut(items=items, next_cursor=page.next_cursor)


def present_move(move: LabelMove) -> LabelMoveOut:
    """Present the move of a label."""
    return LabelMoveOut(
        name=move.prompt.name,
        label=move.label,
        from_version=move.from_version,
        to_version=move.to_version,
        weights=write_weights(move.weights),
        served_version=move.prompt.served_version,
        labels=dict(move.prompt.labels),
        warnings=list(move.warnings) or None,
    )
