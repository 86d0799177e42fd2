"""REST's additions to the shapes that all doors share: `content`, bodies and paths."""

import re
from typing import Annotated, Any

from fastapi import Path
from pydantic import BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from mcp_server.schemas.base import Shape, Whole
from mcp_server.schemas.branches import BranchName, MergeFields, MergeOut, merge_fields
from mcp_server.schemas.composition import Force
from mcp_server.schemas.labels import Reason, Weights, read_weights
from mcp_server.schemas.prompts import (
    Branch,
    ContentOut,
    CopyFields,
    Name,
    NewName,
    PromptFields,
    PromptOut,
    PromptSummaryOut,
    SavedOut,
    prompt_fields,
    saved_fields,
)
from mcp_server.schemas.reading import ForModel, Key
from mcp_server.schemas.terms import CommitMessage, TermsFields
from mcp_server.schemas.versions import VersionFields
from mcp_server.service.inputs import PromptInput
from mcp_server.service.results import Merged, PromptVersion, Saved
from storage.values.entities import MAX_VERSION
from storage.values.errors import Invalid


def _digits(value: object) -> object:
    """Refuse text that isn't a whole number in plain digits."""
    if isinstance(value, str) and not re.fullmatch("-?[0-9]+", value):
        raise PydanticCustomError(
            "int_parsing", "Input should be a valid integer, unable to parse string as an integer"
        )
    return value


_OF_THE_PROMPT = (
    "id", "name", "version", "branch", "variant", "commit_message", "created_by",
    *ContentOut.names(),
)  # fmt: skip
"""The fields of a prompt that are also shown with one of its versions."""
UrlNumber = BeforeValidator(_digits)
"""Marks a number of a path or a query string."""
Number = Annotated[int, Field(ge=1, le=MAX_VERSION)]
"""The number of a version."""

PromptPath = Annotated[
    str,
    Path(
        description="The prompt's name or id.",
        examples=["code-review"],
        min_length=1,
        max_length=200,
    ),
]
ReferencePath = Annotated[
    str,
    Path(
        description="The prompt's name or id, and which version of it is meant: 'review' (what the "
        "label production points at, else the newest of main), 'review@3', 'review@staging', "
        "'review@latest' or 'review@branch:main'.",
        examples=["code-review", "code-review@3", "code-review@production"],
        min_length=1,
        max_length=300,
    ),
]
VersionPath = Annotated[Number, UrlNumber, Path(description="The version's number.", examples=[3])]
LabelPath = Annotated[
    str,
    Path(description="The label.", examples=["production"], min_length=1, max_length=100),
]

BranchPath = Annotated[
    str,
    Path(description="The branch.", examples=["terse"], min_length=1, max_length=100),
]

Content = Annotated[
    str,
    Field(
        description="The same as `template`, under the name that it had before.",
        json_schema_extra={"deprecated": True},
    ),
]


class Body(Shape):
    """What a body holds. JSON can tell true and 1 from texts, so texts aren't read as those."""

    model_config = ConfigDict(strict=True)


class _Written(Body, PromptFields):
    """What can be written of a prompt over REST."""

    content: Content | None = None

    def to_input(self) -> PromptInput:
        """Return the fields that were written, for the use case.

        Raises:
            Invalid: `content` and `template` differ, or a message isn't one.
        """
        if self.content is None:
            return super().to_input()
        if self.template not in (None, self.content):
            raise Invalid(
                "'content' and 'template' are two names of the same text, but hold two texts. "
                "Give one of them.",
                fields={"content": "differs from template"},
            )
        return self.model_copy(update={"content": None, "template": self.content}).to_input()

    @property
    def has_texts(self) -> bool:
        """Whether the texts are among the written fields."""
        return not self.model_fields_set.isdisjoint(("template", "content", "messages"))


class PromptPost(_Written, CopyFields):
    """A prompt to be created."""

    commit_message: CommitMessage | None = None

    name: Name | None = Field(
        None, description="The prompt's name; without it, one is made of the title or the text."
    )


class PromptPatch(TermsFields, _Written):
    """A change of a prompt: fields that are left out keep their value."""

    name: Name | None = Field(
        None,
        description="The prompt's name, for clients that send back what they have read; another "
        "one is refused.",
    )
    new_name: NewName | None = None
    branch: Branch = "main"


class PromptPut(PromptPatch):
    """A prompt's new texts, and whatever else changes with them."""


class RestorePost(Body, TermsFields):
    """Why an old version is brought back."""

    branch: Branch = "main"


class RenderPost(Body):
    """Values for a prompt's blanks."""

    arguments: dict[str, Any] = Field(
        default_factory=dict,
        description="A value for each blank, by name: text, or a number, boolean or JSON where "
        "the argument has that type.",
        examples=[{"language": "Python", "code": "print(1)"}],
    )
    model_type: ForModel | None = None
    key: Key | None = None


class Pointed(Body):
    """What is pointed at: a version's number, or what a label or branch means."""

    version: Annotated[Number, Whole] | None = Field(
        None, description="The version's number.", examples=[3]
    )
    reference: str | None = Field(
        None,
        description="Instead of a number: 'latest', another label, or 'branch:main'.",
        examples=["staging"],
        max_length=100,
    )


class LabelPut(Pointed):
    """Where a label shall point, or how it shares its reads out; and why."""

    weights: Weights | None = None
    reason: Reason | None = None
    force: Force = False


class BranchPost(Pointed):
    """A branch to begin, and the version that it begins at; without one, the newest of main."""

    branch: BranchName


class MergePost(Body, MergeFields):
    """A branch to be merged into another one."""


class PromptRead(PromptOut):
    """A prompt and one of its versions."""

    content: Content | None = None


class VersionRead(ContentOut, VersionFields):
    """A version with its texts, as it was written."""

    id: str = Field(description="The prompt's UUID.")
    name: str = Field(description="The prompt's name.")
    content: Content | None = None


class SavedRead(SavedOut):
    """A prompt as a write left it."""

    content: Content | None = None


class MergeRead(MergeOut):
    """A prompt as a merge left it."""

    content: Content | None = None


class PromptFoundOut(PromptSummaryOut):
    """A prompt in a list; the last two only where words were searched for."""

    score: float | None = Field(None, description="How well it matches; higher is better.")
    snippet: str | None = Field(None, description="The passage where it matches.")


class PromptsOut(Shape):
    """A page of prompts."""

    items: list[PromptFoundOut] = Field(description="The prompts.")
    next_cursor: str | None = Field(
        None, description="Give this as `cursor` to get the next page; absent on the last one."
    )


class HistoryOut(Shape):
    """A page of a prompt's versions with their texts, newest first."""

    items: list[VersionRead] = Field(description="The versions, newest first.")
    next_cursor: str | None = Field(
        None, description="Give this as `cursor` to get the next page; absent on the last one."
    )


class LabelsOut(Shape):
    """A prompt's labels."""

    labels: dict[str, int] = Field(
        description="The labels and the version that each points at now."
    )


def point_of(written: Pointed, *, default: str | None = None) -> str:
    """Return the part after the '@' of a reference to the version that is pointed at.

    Raises:
        Invalid: both fields are given, or neither is and there is no default.
    """
    if written.version is None and written.reference is None and default is not None:
        return default
    if (written.version is None) == (written.reference is None):
        raise Invalid(
            "Give 'version' or 'reference': the one thing that shall be pointed at.",
            fields={"version": "or 'reference' has to be given, and not both"},
        )
    return written.reference or str(written.version)


def shares_of(written: LabelPut) -> dict[int, int] | None:
    """Return the weights by version; None if the label points at one version.

    Raises:
        Invalid: another field is given too, or a key isn't a number.
    """
    if written.weights is None:
        return None
    if written.version is not None or written.reference is not None:
        raise Invalid(
            "'weights' say which versions the label means, so 'version' and 'reference' have to be "
            "left out.",
            fields={"weights": "exclude 'version' and 'reference'"},
        )
    return read_weights(written.weights)


def present_read(source: PromptVersion) -> PromptRead:
    """Present a prompt and a version of it."""
    fields = prompt_fields(source)
    return PromptRead(**fields, content=fields.get("template"))


def present_version_read(source: PromptVersion) -> VersionRead:
    """Present a version with its texts, and with its own tags and time."""
    prompt, version = source.prompt, source.version
    fields = prompt_fields(source)
    shared = {name: fields[name] for name in _OF_THE_PROMPT if name in fields}
    return VersionRead(
        **shared,
        content=fields.get("template"),
        parent=version.parent,
        merged_from=version.merged_from,
        labels=sorted(label for label, at in prompt.labels.items() if at == version.version),
        tags=list(version.tags),
        created_at=version.created_at,
        content_hash=version.content_hash,
    )


def present_write(saved: Saved) -> SavedRead:
    """Present the outcome of a write."""
    fields = saved_fields(saved)
    return SavedRead(**fields, content=fields.get("template"))


def present_merge_read(merged: Merged) -> MergeRead:
    """Present the outcome of a merge."""
    fields = merge_fields(merged)
    return MergeRead(**fields, content=fields.get("template"))
