"""Branches: named lines of versions, and their merges."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from mcp_server.schemas.base import Shape, Time, Unwrapped
from mcp_server.schemas.composition import Force, Warnings
from mcp_server.schemas.prompts import ContentFields, Named, PromptOut, Reference, prompt_fields
from mcp_server.schemas.terms import TermsFields
from mcp_server.service.inputs import PromptInput
from mcp_server.service.results import BranchChange, BranchStanding, Merged

BranchName = Annotated[
    str,
    Field(
        description="The branch: 1 to 64 of a-z, 0-9, '_', '.' and '-', beginning with a letter or "
        "digit. Every prompt has 'main'.",
        examples=["terse"],
    ),
]
Resolution = Annotated[
    ContentFields,
    Unwrapped,
    Field(
        description="What was decided where both sides changed the same place: each field that is "
        "given is written as it is, the others are merged.",
        examples=[{"template": "Review this {{language}} code, briefly:\n\n{{code}}"}],
    ),
]
Into = Annotated[str, Field(description="The branch that is merged into.", examples=["main"])]
DeleteBranch = Annotated[
    bool, Field(description="Give true to delete the branch once it is merged; its versions stay.")
]


class BranchIn(Shape):
    """A branch to begin or to delete."""

    reference: Reference = Field(
        description="The prompt and the version to begin at, as a reference: 'review@latest' (the "
        "newest of main), 'review@3', or 'review' (what is served now). With `delete`, just the "
        "name.",
        examples=["code-review@latest"],
    )
    branch: BranchName
    delete: bool = Field(False, description="Give true to delete the branch instead.")
    force: Force = False


class BranchOut(Shape):
    """A branch that began or went."""

    name: str = Field(description="The prompt's name.")
    branch: str = Field(description="The branch.")
    head: int | None = Field(
        None, description="The version that it begins at; absent where it was deleted."
    )
    branches: dict[str, int] = Field(
        description="All branches of the prompt and the newest version of each."
    )
    warnings: Warnings = None


class BranchStandingOut(Shape):
    """A branch in a list, compared with main."""

    branch: str = Field(description="The branch.")
    head: int = Field(description="Its newest version.")
    ahead: int = Field(description="How many of its versions main doesn't have.")
    behind: int = Field(description="How many versions of main it doesn't have.")
    created_by: str = Field(description="Who began it.")
    created_at: Time = Field(description="When it began.")


class BranchesOut(Shape):
    """A prompt's branches, by name."""

    items: list[BranchStandingOut] = Field(description="The branches.")


class MergeFields(TermsFields):
    """How one branch is merged into another."""

    branch: BranchName
    into: Into = "main"
    resolution: Resolution | None = None
    delete_branch: DeleteBranch = False

    def to_resolution(self) -> PromptInput | None:
        """Return the decided fields, for the use case.

        Raises:
            Invalid: a message isn't one.
        """
        return None if self.resolution is None else self.resolution.to_input()


class MergeIn(MergeFields, Named):
    """A branch to be merged into another one."""


class MergeOut(PromptOut):
    """A prompt as a merge left it, shown by the newest version of the branch merged into."""

    outcome: Literal["merged", "fast_forward", "already_merged"] = Field(
        description="`merged`: a version was written that has both sides' changes. `fast_forward`: "
        "the branch merged into had nothing of its own, so it moved to the other's newest version. "
        "`already_merged`: there was nothing to do."
    )
    merged_branch: str = Field(description="The branch that was merged.")
    into: str = Field(description="The branch that it was merged into.")
    base_version: int | None = Field(None, description="The version from which the two went apart.")
    branch_deleted: bool = Field(description="Whether the merged branch was deleted.")
    warnings: Warnings = None


def present_branch(change: BranchChange) -> BranchOut:
    """Present a branch that began or went."""
    return BranchOut(
        name=change.prompt.name,
        branch=change.branch,
        head=change.head,
        branches=dict(change.prompt.branches),
        warnings=list(change.warnings) or None,
    )


def present_branches(standings: Sequence[BranchStanding]) -> BranchesOut:
    """Present a prompt's branches."""
    return BranchesOut(
        items=[
            BranchStandingOut(
                branch=each.branch.branch,
                head=each.branch.head,
                ahead=each.ahead,
                behind=each.behind,
                created_by=each.branch.created_by,
                created_at=each.branch.created_at,
            )
            for each in standings
        ]
    )


def present_merge(merged: Merged) -> MergeOut:
    """Present the outcome of a merge."""
    return MergeOut(**merge_fields(merged))


def merge_fields(merged: Merged) -> dict[str, Any]:
    """Return the fields of a merge's outcome, for a shape that begins with them."""
    return {
        **prompt_fields(merged.current),
        "outcome": merged.outcome,
        "merged_branch": merged.branch,
        "into": merged.into,
        "base_version": merged.base,
        "branch_deleted": merged.branch_deleted,
        "warnings": list(merged.warnings) or None,
    }
