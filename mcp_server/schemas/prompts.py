"""Prompts as they are written and read."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from mcp_server.domain.fields import PLAIN
from mcp_server.domain.messages import single_user_text
from mcp_server.schemas.base import NotBoolean, Shape, Time, Unwrapped
from mcp_server.schemas.composition import IncludeOut, present_composition
from mcp_server.schemas.messages import (
    ArgumentShape,
    MessageShape,
    Variants,
)
from mcp_server.schemas.terms import CommitMessage, TermsFields
from mcp_server.service.inputs import PromptInput, read_input
from mcp_server.service.results import PromptVersion, Saved
from mcp_server.service.terms import Terms
from storage.values.entities import PRODUCTION, Message, PromptSummary, TemplateFormat

Name = Annotated[
    str,
    Field(
        description="The prompt's name: 1 to 64 of a-z, 0-9, '_' and '-', beginning with a letter "
        "or digit. Clients turn it into a command, so keep it under 40.",
        examples=["code-review"],
    ),
]
Reference = Annotated[
    str,
    Field(
        description="Which prompt and version: 'review' (what the label production points at, "
        "else the newest version of main), 'review@3' (version 3), 'review@staging' (a label), "
        "'review@latest' (the newest version of main) or 'review@branch:terse' (a branch's "
        "newest).",
        examples=["code-review", "code-review@3", "code-review@production"],
    ),
]
Branch = Annotated[
    str,
    Field(
        description="The branch to write on; main, if you leave it out.",
        examples=["terse"],
    ),
]
Limit = Annotated[int, Field(description="How many at most, 1 to 100.", ge=1, le=100), NotBoolean]
Cursor = Annotated[
    str, Field(description="`next_cursor` of the page before; leave it out for the first page.")
]


_SHAPED = {"messages", "arguments", "variants"}
"""The fields of a content that are made of shapes."""


class ContentFields(Shape):
    """What can be written of a version. A field that is left out keeps its value."""

    template: str | None = Field(
        None,
        description="The text of a prompt that is one user message, with {{argument}} wherever a "
        "value goes and {{> other-prompt}} wherever another prompt's text does. Give this or "
        "`messages`, not both.",
        examples=["Review this {{language}} code:\n\n{{code}}"],
    )
    messages: Annotated[list[MessageShape], Unwrapped] | None = Field(
        None,
        description="The messages of a prompt that is more than one user text. Give this or "
        "`template`, not both.",
    )
    template_format: TemplateFormat | None = Field(
        None,
        description="`simple` fills {{argument}} and takes in {{> other-prompt}}; `liquid` has "
        "conditions, loops and filters, as in {% if tone %}Be {{ tone | upcase }}.{% endif %}, and "
        "takes in {% render 'other-prompt' %}; `text` is served exactly as it is written. A new "
        "prompt is `simple`.",
    )
    arguments: Annotated[list[ArgumentShape], Unwrapped] | None = Field(
        None,
        description="What to say about the template's blanks. Blanks that aren't declared are "
        "required texts; leave this out if that will do.",
    )
    model_type: str | None = Field(
        None,
        description="The model that the text is written for. An empty text removes it.",
        examples=["gpt-4", "claude-sonnet-4"],
    )
    settings: Annotated[dict[str, Any], Unwrapped] | None = Field(
        None,
        alias="model_config",
        description="Settings for the provider, such as temperature. Never secrets.",
        examples=[{"temperature": 0.2}],
    )
    variants: Annotated[Variants, Unwrapped] | None = Field(
        None,
        description="Other messages for other models: from a model_type, or a prefix that ends "
        "in '*', to its messages.",
    )

    def to_input(self) -> PromptInput:
        """Return the fields that were written, for the use case.

        Raises:
            Invalid: a message isn't one.
        """
        fields = type(self).model_fields
        values = {fields[name].alias or name: getattr(self, name) for name in self.model_fields_set}
        return read_input(
            values | {name: _as_json(values[name]) for name in _SHAPED & values.keys()}
        )


class PromptFields(ContentFields):
    """What can be written of a prompt. A field that is left out keeps its value."""

    title: str | None = Field(
        None, description="The name for people, in any script. An empty text removes it."
    )
    description: str | None = Field(
        None,
        description="What the prompt is for, in a sentence or two; shown in menus and searched. "
        "An empty text removes it.",
    )
    folder: str | None = Field(
        None,
        description="The path that organises the library; an empty text is the root.",
        examples=["support/emails"],
    )
    tags: Annotated[list[str], Unwrapped] | None = Field(
        None,
        description="All tags of the prompt, for free grouping; these replace the present ones.",
        examples=[["review", "python"]],
    )


class Named(Shape):
    """A prompt that is meant by its name alone."""

    name: Name


class CopyFields(Shape):
    """What a new prompt is copied from."""

    copy_of: str | None = Field(
        None,
        description="Copy this prompt or version instead of writing a text: a reference such as "
        "'review' or 'review@3'. Fields that you write go before the copied ones.",
        examples=["code-review@3"],
    )
    with_history: bool = Field(
        False,
        description="With `copy_of`: give true to copy every version, branch and label of the "
        "prompt, and not only one text. Texts can't be written then.",
    )


class PromptCreate(PromptFields, CopyFields, Named):
    """A prompt to be created."""

    commit_message: CommitMessage | None = None

    def terms(self) -> Terms:
        """Return the terms of the write, for the use case."""
        return Terms(commit_message=self.commit_message)


NewName = Annotated[
    str,
    Field(
        description="Rename the prompt to this. The old name stays taken and keeps leading to the "
        "prompt, also where other prompts include it.",
        examples=["review-code"],
    ),
]


class PromptUpdate(TermsFields, PromptFields, Named):
    """A change of a prompt."""

    new_name: NewName | None = None
    branch: Branch = "main"


class ContentOut(Shape):
    """What a version holds, for those who read it."""

    template: str | None = Field(
        None, description="The text, where the version is one user message; else see `messages`."
    )
    messages: list[MessageShape] | None = Field(
        None, description="The messages, where the version is more than one user text."
    )
    template_format: TemplateFormat = Field(
        description="`simple` fills {{argument}}; `liquid` computes; `text` is served as it is."
    )
    arguments: list[ArgumentShape] = Field(
        description="The template's blanks and those of what it includes, required first."
    )
    model_type: str | None = Field(None, description="The model that the text is written for.")
    settings: dict[str, Any] = Field(alias="model_config", description="Settings for the provider.")
    variants: Variants = Field(
        description="Other messages for other models, by model_type or prefix."
    )


class _PointersOut(Shape):
    """A prompt, and where its labels and branches point."""

    id: str = Field(description="The prompt's UUID.")
    name: str = Field(description="The prompt's name.")
    title: str | None = Field(None, description="The name for people.")
    description: str | None = Field(None, description="What the prompt is for.")
    folder: str = Field(description="The folder it lies in; '' is the root.")
    tags: list[str] = Field(description="The prompt's tags.")
    version: int = Field(description="The version that is shown here.")
    latest_version: int = Field(
        description="The newest version of main: what to give as expected_version on a write."
    )
    branch: str = Field(description="The branch that this version was written on.")
    labels: dict[str, int] = Field(
        description="The prompt's labels and the version that each points at now."
    )
    weights: dict[str, dict[str, int]] | None = Field(
        None,
        description="For each label that shares its reads out: the weight of each version. "
        "`labels` then names the version with the largest.",
    )
    branches: dict[str, int] = Field(
        description="The prompt's branches and the newest version of each."
    )
    variant: str | None = Field(
        None, description="The key of the variant that is shown; absent for the base text."
    )


class _OriginOut(Shape):
    """What a version takes in, and where it comes from."""

    includes: list[IncludeOut] = Field(description="The prompts whose texts it takes in.")
    problem: str | None = Field(
        None, description="Why it can't be used at present: what it includes is missing."
    )
    commit_message: str | None = Field(None, description="Why this version exists.")
    created_by: str = Field(description="Who wrote this version.")
    created_at: Time = Field(description="When the prompt was created.")
    updated_at: Time = Field(description="When the prompt last changed.")


class PromptOut(_OriginOut, ContentOut, _PointersOut):
    """A prompt and one of its versions."""

    @property
    def served_version(self) -> int:
        """The version that the bare name means, as `Prompt.served_version`."""
        return self.labels.get(PRODUCTION, self.latest_version)


class SavedOut(PromptOut):
    """A prompt as a write left it."""

    new_version: bool = Field(
        description="Whether a version was written; false where the content is what it was before."
    )
    changed: bool = Field(
        description="Whether anything changed at all, the title or tags included."
    )
    warnings: list[str] = Field(description="What the author may want to mend; often empty.")


class PromptSummaryOut(Shape):
    """A prompt as it stands in a list: what is served of it, without the texts."""

    id: str = Field(description="The prompt's UUID.")
    name: str = Field(description="The prompt's name.")
    title: str | None = Field(None, description="The name for people.")
    description: str | None = Field(None, description="What the prompt is for.")
    folder: str = Field(description="The folder it lies in; '' is the root.")
    tags: list[str] = Field(description="The prompt's tags.")
    version: int = Field(description="The version that the bare name means now.")
    labels: list[str] = Field(description="The labels that the prompt has, on whatever version.")
    arguments: list[ArgumentShape] = Field(description="The template's blanks, required first.")
    model_type: str | None = Field(None, description="The model that the text is written for.")
    created_at: Time = Field(description="When the prompt was created.")
    updated_at: Time = Field(description="When the prompt last changed.")


def present_prompt(source: PromptVersion) -> PromptOut:
    """Present a prompt and a version of it."""
    return PromptOut(**prompt_fields(source))


def present_saved(saved: Saved) -> SavedOut:
    """Present the outcome of a write."""
    return SavedOut(**saved_fields(saved))


def saved_fields(saved: Saved) -> dict[str, Any]:
    """Return the fields of a write's outcome, for a shape that begins with them."""
    return {
        **prompt_fields(saved.current),
        "new_version": saved.new_version,
        "changed": saved.changed,
        "warnings": list(saved.warnings),
    }


def present_summary(summary: PromptSummary) -> dict[str, Any]:
    """Return the fields of a prompt in a list, for a shape that begins with them."""
    return {
        "id": str(summary.id),
        "name": summary.name,
        "title": summary.title,
        "description": summary.description,
        "folder": summary.folder,
        "tags": list(summary.tags),
        "version": summary.version,
        "labels": list(summary.labels),
        "arguments": [ArgumentShape.of(argument) for argument in summary.arguments],
        "model_type": summary.model_type,
        "created_at": summary.created_at,
        "updated_at": summary.updated_at,
    }


def prompt_fields(source: PromptVersion) -> dict[str, Any]:
    """Return the fields of a prompt and a version of it, for a shape that begins with them."""
    prompt, version = source.prompt, source.version
    return {
        "id": str(prompt.id),
        "name": prompt.name,
        "title": prompt.title,
        "description": prompt.description,
        "folder": prompt.folder,
        "tags": list(prompt.tags),
        "version": version.version,
        "latest_version": prompt.latest_version,
        "branch": version.branch,
        "labels": dict(prompt.labels),
        "weights": {
            label: {str(number): weight for number, weight in shares.items()}
            for label, shares in prompt.weights.items()
        }
        or None,
        "branches": dict(prompt.branches),
        "variant": source.variant,
        **_content(source),
        **present_composition(source),
        "commit_message": version.commit_message,
        "created_by": version.created_by,
        "created_at": prompt.created_at,
        "updated_at": prompt.updated_at,
    }


def _content(source: PromptVersion) -> dict[str, Any]:
    """Return the fields of a version's content."""
    draft = source.version.draft
    return {
        **_texts(source.messages),
        **{name: getattr(draft, name) for name in PLAIN},
        "arguments": [ArgumentShape.of(argument) for argument in source.arguments],
        "variants": {
            key: [MessageShape.of(message) for message in messages]
            for key, messages in draft.variants.items()
        },
    }


def _texts(messages: Sequence[Message]) -> dict[str, Any]:
    """Return a single user text as `template`, and anything else as `messages`."""
    text = single_user_text(messages)
    if text is not None:
        return {"template": text}
    return {"messages": [MessageShape.of(message) for message in messages]}


def _as_json(value: Any) -> Any:
    """Turn shapes into JSON values, also within lists and mappings."""
    match value:
        case Shape():
            return value.write()
        case list():
            return [_as_json(each) for each in value]
        case dict():
            return {key: _as_json(each) for key, each in value.items()}
    return value
