"""The nouns that pass between rooms: frozen, plain, free of any library."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeAlias
from uuid import UUID

Role = Literal["system", "user", "assistant"]
TemplateFormat = Literal["text", "simple", "liquid"]
ArgumentType = Literal["string", "integer", "number", "boolean", "enum", "json"]

MAIN = "main"
"""The branch that every prompt has."""
PRODUCTION = "production"
"""The label that decides what a bare name means."""
LATEST = "latest"
"""The reserved word for the head of `main`."""
MAX_VERSION = 999_999_999
"""The largest version number that fits into a reference; no prompt comes near it."""
VERSION_PATTERN = "[1-9][0-9]{0,8}"
"""The pattern of a version number in a reference."""


@dataclass(frozen=True, slots=True)
class TextContent:
    """Text, in which a template's placeholders are filled."""

    text: str


@dataclass(frozen=True, slots=True)
class ImageContent:
    """A picture; `data` is base64."""

    data: str
    mime_type: str


@dataclass(frozen=True, slots=True)
class AudioContent:
    """A sound; `data` is base64."""

    data: str
    mime_type: str


@dataclass(frozen=True, slots=True)
class EmbeddedResource:
    """A resource carried whole: exactly one of `text` and `blob` (base64) is set."""

    uri: str
    mime_type: str | None = None
    text: str | None = None
    blob: str | None = None


@dataclass(frozen=True, slots=True)
class ResourceLink:
    """A resource pointed at."""

    uri: str
    name: str
    title: str | None = None
    description: str | None = None
    mime_type: str | None = None


Content: TypeAlias = TextContent | ImageContent | AudioContent | EmbeddedResource | ResourceLink


@dataclass(frozen=True, slots=True)
class Message:
    """A role and its content; in a version its text may hold placeholders."""

    role: Role
    content: Content


@dataclass(frozen=True, slots=True)
class Argument:
    """A declared blank. `default` and `choices` are written as text, as every client sends them."""

    name: str
    title: str | None = None
    description: str | None = None
    required: bool = True
    type: ArgumentType = "string"
    default: str | None = None
    choices: tuple[str, ...] = ()
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """The content of a version: everything that its content hash covers.

    A field that is added later needs an empty default (None, (), {}), which isn't hashed, so that
    older versions keep their hashes.
    """

    messages: tuple[Message, ...]
    arguments: tuple[Argument, ...] = ()
    template_format: TemplateFormat = "simple"
    model_type: str | None = None
    model_config: Mapping[str, Any] = field(default_factory=dict)
    variants: Mapping[str, tuple[Message, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """A version that is about to be written as the head of a branch, and has no number yet."""

    draft: Draft
    tags: tuple[str, ...]
    created_by: str
    branch: str = MAIN
    parent: int | None = None
    merged_from: int | None = None
    commit_message: str | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """One frozen state of a prompt."""

    prompt_id: UUID
    version: int
    branch: str
    parent: int | None
    merged_from: int | None
    draft: Draft
    tags: tuple[str, ...]
    commit_message: str | None
    created_by: str
    created_at: datetime
    content_hash: str
    includes: tuple[str, ...] = ()
    """The references that its texts include, as they are written there."""


@dataclass(frozen=True, slots=True)
class Move:
    """A label's move from one version to another (None is nowhere), and its reason.

    `weights` has the weight of each version if the label now points at several; `to_version` is
    then the one with the largest.
    """

    label: str
    from_version: int | None
    to_version: int | None
    weights: Mapping[int, int]
    moved_by: str
    reason: str | None
    moved_at: datetime | None = None
    """None means the time of recording, by the database's clock."""


@dataclass(frozen=True, slots=True)
class RecordedMove(Move):
    """A label's move that was recorded."""

    moved_at: datetime


@dataclass(frozen=True, slots=True)
class VersionSummary:
    """A version in a list: without its texts."""

    version: int
    branch: str
    parent: int | None
    merged_from: int | None
    labels: tuple[str, ...]
    moves: tuple[RecordedMove, ...]
    tags: tuple[str, ...]
    model_type: str | None
    commit_message: str | None
    created_by: str
    created_at: datetime
    content_hash: str


@dataclass(frozen=True, slots=True)
class Ancestry:
    """The versions that a version was made from, if any."""

    version: int
    parent: int | None
    merged_from: int | None


@dataclass(frozen=True, slots=True)
class Branch:
    """A named line of versions, and its newest one."""

    branch: str
    head: int
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt and its pointers: the version that each label and branch means now."""

    id: UUID
    name: str
    title: str | None
    description: str | None
    folder: str
    tags: tuple[str, ...]
    last_version: int
    labels: Mapping[str, int]
    branches: Mapping[str, int]
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None
    weights: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    """The weight of each version, by label, for labels that point at several versions."""

    @property
    def latest_version(self) -> int:
        """The head of `main`."""
        return self.branches[MAIN]

    @property
    def served_version(self) -> int:
        """The version that a bare name means: `production` if set, else the head of `main`."""
        return self.labels.get(PRODUCTION, self.latest_version)


@dataclass(frozen=True, slots=True)
class History:
    """Everything that is stored of a prompt apart from its metadata.

    Versions are in the order of their numbers, moves in the order in which they happened.
    `weights` are those of labels that point at several versions, as in `Prompt`.
    """

    versions: tuple[Version, ...]
    branches: tuple[Branch, ...]
    labels: Mapping[str, int] = field(default_factory=dict)
    weights: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    moves: tuple[RecordedMove, ...] = ()
    former_names: tuple[str, ...] = ()
    created_at: datetime | None = None
    archived_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reached:
    """The prompts and versions that some references lead to, directly and by includes.

    `prompts` has each prompt under every name that it has or had. `versions` may have more than the
    references mean: all that a label's weights choose among, and those that bare names mean.
    """

    prompts: Mapping[str, Prompt]
    versions: Mapping[tuple[UUID, int], Version]


class Includer(NamedTuple):
    """A version that includes others, and its prompt's name."""

    prompt_id: UUID
    version: int
    name: str


class Edge(NamedTuple):
    """An include: a version, the prompt that it includes, and the `point` after the '@', or ''.

    `meant` is a version that the point means to a reader, `name` is the included prompt's name, and
    `seen` says whether a filter keeps that prompt.
    """

    prompt_id: UUID
    version: int
    included_id: UUID
    point: str
    name: str
    meant: int | None
    seen: bool


@dataclass(frozen=True, slots=True)
class Origin:
    """The identity of a version: its content, its branch and its parents."""

    content_hash: str
    branch: str
    parent: int | None
    merged_from: int | None


@dataclass(frozen=True, slots=True)
class Metadata:
    """The fields of a prompt that don't belong to a version."""

    name: str
    title: str | None = None
    description: str | None = None
    folder: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PromptSummary:
    """A prompt in a list: its served version, without the texts."""

    id: UUID
    name: str
    title: str | None
    description: str | None
    folder: str
    tags: tuple[str, ...]
    version: int
    arguments: tuple[Argument, ...]
    model_type: str | None
    labels: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None
    includes: tuple[str, ...] = ()
    """The references that the served version includes; `arguments` are only its own."""


@dataclass(frozen=True, slots=True)
class Found:
    """A prompt that matched, its score, and the beginning of its text to cut a snippet from."""

    prompt: PromptSummary
    score: float
    text: str


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A prompt in search results, its score (higher is better) and the text around the match."""

    prompt: PromptSummary
    score: float
    snippet: str


@dataclass(frozen=True, slots=True)
class PromptFilter:
    """The conditions of a list or a search, all of which have to hold.

    `tags` requires every tag. `folder` means the folder and all below it. `model_type` keeps
    prompts that have a text for that model: the base text's or a variant's, under its own name or a
    prefix of it with '*'. `label` keeps prompts that carry the label, `version` those whose served
    version is just that, `min_version` those where it is at least that. `includes` keeps prompts
    with a version in use that includes the prompt of that name. `any_tags` and `folders` are a
    server's allow-list: if there are any, at least one of each has to match.
    """

    tags: tuple[str, ...] = ()
    folder: str | None = None
    model_type: str | None = None
    label: str | None = None
    version: int | None = None
    min_version: int | None = None
    includes: str | None = None
    archived: bool = False
    any_tags: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


class Place(NamedTuple):
    """The folder of a prompt, and its tags."""

    folder: str
    tags: tuple[str, ...]


ChangeKind = Literal["prompt", "version", "label", "everything"]


@dataclass(frozen=True, slots=True)
class Change:
    """A committed change. The kind `everything` stands for a gap: anything may have changed.

    `listed` tells whether the prompt's entry in lists may look different now. `places` are its
    former and current places; there are none if they aren't known.
    """

    kind: ChangeKind
    name: str = ""
    prompt_id: UUID | None = None
    label: str | None = None
    listed: bool = True
    places: tuple[Place, ...] = ()
