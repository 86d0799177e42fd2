"""Versions: the history of a prompt, and comparisons within it."""

from dataclasses import asdict
from typing import Any, Literal

from pydantic import Field

from mcp_server.domain.diffs import ArgumentDiff, MessageDiff
from mcp_server.domain.merging import MergeView
from mcp_server.schemas.base import Shape, Time
from mcp_server.schemas.labels import RecordedMoveOut, present_recorded
from mcp_server.schemas.messages import ArgumentShape
from mcp_server.schemas.prompts import Branch, Cursor, Limit, Named, Reference
from mcp_server.schemas.terms import TermsFields
from mcp_server.service.results import Comparison
from storage.values.entities import Argument, VersionSummary
from storage.values.pages import Page

DiffKind = Literal["added", "removed", "changed"]


class VersionsIn(Named):
    """Whose versions to list."""

    branch: str | None = Field(
        None,
        description="Only the newest version of this branch and those that it was made from.",
        examples=["main"],
    )
    limit: Limit = 20
    cursor: Cursor | None = None


class VersionFields(Shape):
    """What is told of a version beside its texts."""

    version: int = Field(description="The version's number.")
    branch: str = Field(description="The branch that it was written on.")
    parent: int | None = Field(None, description="The version that it was made from.")
    merged_from: int | None = Field(None, description="The version that was merged into it.")
    labels: list[str] = Field(description="The labels that point at this version now.")
    tags: list[str] = Field(description="The prompt's tags when it was written.")
    model_type: str | None = Field(None, description="The model that the text is written for.")
    commit_message: str | None = Field(None, description="Why this version exists.")
    created_by: str = Field(description="Who wrote it.")
    created_at: Time = Field(description="When it was written.")
    content_hash: str = Field(description="Equal for versions that mean the same.")


class VersionOut(VersionFields):
    """A version in a list: without its texts."""

    label_moves: list[RecordedMoveOut] = Field(
        description="When labels were moved here, or taken away from here, newest first."
    )


class VersionsOut(Shape):
    """A page of a prompt's versions, newest first."""

    items: list[VersionOut] = Field(description="The versions, newest first.")
    next_cursor: str | None = Field(
        None, description="Give this as `cursor` to get the next page; absent on the last one."
    )


class DiffIn(Shape):
    """Two versions to compare."""

    old: Reference = Field(
        description="The version to start from, as a reference.", examples=["code-review@3"]
    )
    new: Reference = Field(
        description="The version to compare with it, as a reference.",
        examples=["code-review@latest"],
    )
    words: bool = Field(False, description="Give true to compare changed texts word by word too.")
    merge: bool = Field(
        False,
        description="Give true to see also what merging `new` into `old` would bring: what each "
        "changed since they went apart, and where both changed the same place.",
    )


class SegmentOut(Shape):
    """A run of a text that is compared word by word."""

    kind: Literal["equal", "removed", "added"] = Field(description="In which text it stands.")
    text: str = Field(description="The run.")


class MessageDiffOut(Shape):
    """One message that differs."""

    kind: DiffKind = Field(description="What happened to the message.")
    old: int | None = Field(None, description="Its position before, counted from 0.")
    new: int | None = Field(None, description="Its position after, counted from 0.")
    old_role: str | None = Field(None, description="Its role before.")
    new_role: str | None = Field(None, description="Its role after.")
    variant: str | None = Field(
        None, description="The model_type of the variant that it belongs to; absent for the base."
    )
    text: str = Field(description="A unified diff; '' where only the role changed.")
    words: list[SegmentOut] | None = Field(
        None, description="Both texts as runs of words, where they were asked for."
    )


class ArgumentDiffOut(Shape):
    """One argument that differs."""

    kind: DiffKind = Field(description="What happened to the argument.")
    name: str = Field(description="The argument's name.")
    fields: list[str] = Field(description="What changed in its declaration.")
    old: ArgumentShape | None = Field(None, description="Its declaration before.")
    new: ArgumentShape | None = Field(None, description="Its declaration after.")


class FieldDiffOut(Shape):
    """A field of the version that differs."""

    field: str = Field(description="The field's name.")
    old: Any = Field(None, description="Its value before.")
    new: Any = Field(None, description="Its value after.")


class ConflictOut(Shape):
    """A place that both sides of a merge changed differently."""

    place: str = Field(description="A field of the prompt, as in 'template' or 'messages[0]'.")
    line: int | None = Field(None, description="The line in our text, counted from 1.")
    base: Any = Field(None, description="What it was.")
    ours: Any = Field(None, description="What it is on the side merged into.")
    theirs: Any = Field(None, description="What it is on the side that is merged.")


class MergeViewOut(Shape):
    """What merging one version into another would bring."""

    base: int = Field(description="The version from which the two went apart.")
    ours: str = Field(description="What the old one changed since, as a patch.")
    theirs: str = Field(description="What the new one changed since, as a patch.")
    conflicts: list[ConflictOut] = Field(
        description="The places that both changed differently; a merge has to decide them."
    )
    text: str = Field(description="All of it as one readable text.")


class DiffOut(Shape):
    """All that differs between two versions."""

    old: int = Field(description="The number of the version before.")
    new: int = Field(description="The number of the version after.")
    identical: bool = Field(description="Whether nothing differs.")
    messages: list[MessageDiffOut] = Field(description="The messages that differ.")
    arguments: list[ArgumentDiffOut] = Field(description="The arguments that differ.")
    metadata: list[FieldDiffOut] = Field(description="Other fields that differ.")
    text: str = Field(description="Everything as one readable text, in the manner of a patch.")
    merge: MergeViewOut | None = Field(
        None, description="What merging the new one into the old one would bring."
    )


class RestoreIn(TermsFields):
    """An old version to bring back."""

    reference: Reference = Field(
        description="The version whose content to bring back, as a reference with a number or a "
        "label.",
        examples=["code-review@3"],
    )
    branch: Branch = "main"


def present_version(version: VersionSummary) -> VersionOut:
    """Present a version of a list."""
    return VersionOut(
        version=version.version,
        branch=version.branch,
        parent=version.parent,
        merged_from=version.merged_from,
        labels=list(version.labels),
        label_moves=[present_recorded(move) for move in version.moves],
        tags=list(version.tags),
        model_type=version.model_type,
        commit_message=version.commit_message,
        created_by=version.created_by,
        created_at=version.created_at,
        content_hash=version.content_hash,
    )


def present_versions(page: Page[VersionSummary]) -> VersionsOut:
    """Present a page of a prompt's versions."""
    items = [present_version(version) for version in page.items]
    return VersionsOut(items=items, next_cursor=page.next_cursor)


def present_diff(comparison: Comparison) -> DiffOut:
    """Present all that differs between two versions."""
    diff = comparison.difference
    return DiffOut(
        old=diff.old,
        new=diff.new,
        identical=diff.identical,
        messages=[_message(each) for each in diff.messages],
        arguments=[_argument(each) for each in diff.arguments],
        metadata=[
            FieldDiffOut(field=each.field, old=each.old, new=each.new) for each in diff.metadata
        ],
        text=diff.text,
        merge=None if comparison.merge is None else _merge(comparison.merge),
    )


def _merge(view: MergeView) -> MergeViewOut:
    return MergeViewOut(
        base=view.base,
        ours=view.ours.text,
        theirs=view.theirs.text,
        conflicts=[ConflictOut(**asdict(each)) for each in view.conflicts],
        text=view.text,
    )


def _message(diff: MessageDiff) -> MessageDiffOut:
    return MessageDiffOut(
        kind=diff.kind,
        old=diff.old,
        new=diff.new,
        old_role=diff.old_role,
        new_role=diff.new_role,
        variant=diff.variant,
        text=diff.text,
        words=[SegmentOut(kind=each.kind, text=each.text) for each in diff.words] or None,
    )


def _argument(diff: ArgumentDiff) -> ArgumentDiffOut:
    return ArgumentDiffOut(
        kind=diff.kind,
        name=diff.name,
        fields=list(diff.fields),
        old=_declaration(diff.old),
        new=_declaration(diff.new),
    )


def _declaration(argument: Argument | None) -> ArgumentShape | None:
    return None if argument is None else ArgumentShape.of(argument)
