"""Labels: the movable pointers."""

from pydantic import Field

from mcp_server.schemas.base import Shape
from mcp_server.schemas.prompts import Reference
from mcp_server.service.results import LabelMove


class LabelIn(Shape):
    """A label to be set, moved or taken away."""

    reference: Reference = Field(
        description="The prompt and the version to point at, as a reference: 'review@3', "
        "'review@staging' (where staging points now) or 'review@latest'. With `remove`, just the "
        "name.",
        examples=["code-review@3"],
    )
    label: str = Field(
        description="The label: 1 to 64 of a-z, 0-9, '_', '.' and '-', beginning with a letter. "
        "'production' decides what the bare name means; 'latest' is reserved.",
        examples=["production", "staging"],
    )
    remove: bool = Field(False, description="Give true to take the label away instead.")


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
    served_version: int = Field(description="The version that the bare name means now.")
    labels: dict[str, int] = Field(
        description="All labels of the prompt and the version that each points at now."
    )


def present_move(move: LabelMove) -> LabelMoveOut:
    """Present where a label points now."""
    return LabelMoveOut(
        name=move.prompt.name,
        label=move.label,
        from_version=move.from_version,
        to_version=move.to_version,
        served_version=move.prompt.served_version,
        labels=dict(move.prompt.labels),
    )
