"""Composition: the texts of other prompts that a version includes."""

from typing import Annotated, Any

from pydantic import Field

from mcp_server.schemas.base import Shape
from mcp_server.service.results import PromptVersion

Force = Annotated[
    bool,
    Field(description="Give true to do it although prompts that include it can't be used then."),
]
Warnings = Annotated[
    list[str] | None,
    Field(description="What it broke, where it was forced; absent otherwise."),
]


class IncludeOut(Shape):
    """Another prompt's text that a version takes in."""

    reference: str = Field(description="What is included, as the text says it.")
    version: int | None = Field(
        None, description="The version that this means now; absent where it can't be found."
    )


def present_composition(source: PromptVersion) -> dict[str, Any]:
    """Return the fields for a version's includes, and for the problem with them."""
    fragments, problem = source.composition.fragments, source.composition.problem
    return {
        "includes": [
            IncludeOut(
                reference=each, version=fragments[each].version if each in fragments else None
            )
            for each in source.version.includes
        ],
        "problem": None if problem is None else problem.message,
    }
