"""What the use cases return, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal

from mcp_server.domain.composition import ALONE, Composition, includes_of, merge_included
from storage.values.entities import Argument, Branch, Draft, Message, Prompt, Version
from storage.values.pages import Page

if TYPE_CHECKING:  # a door that waits for its first call loads neither
    from mcp_server.domain.diffs import VersionDiff
    from mcp_server.domain.merging import MergeView


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """A prompt together with the version that a reference meant, and the text for a model.

    `variant` is the key of the text that was chosen, None for the base text; `label` is the label
    whose weights chose the version, where one did; `composition` is what it includes.
    """

    prompt: Prompt
    version: Version
    variant: str | None = None
    label: str | None = None
    composition: Composition = ALONE

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """What it can be given: its own arguments and those of the texts that it includes."""
        own = self.version.draft.arguments
        fragments = self.composition.fragments
        if not fragments:
            return own
        return merge_included(own, includes_of(self.version.draft), fragments)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The text that was chosen."""
        draft = self.version.draft
        return draft.messages if self.variant is None else draft.variants[self.variant]

    @property
    def state(self) -> str:
        """What tells this state of the prompt from every other one; see `state_of`.

        Behind a dot it tells which texts are included, since those too decide what is shown.
        """
        own = state_of(self.prompt, self.version.version)
        if not self.version.includes:
            return own
        found = self.composition.fragments
        inside = sorted((key, each.prompt_id.hex, each.version) for key, each in found.items())
        return f"{own}.{_token((inside, str(self.composition.problem)))}"


@dataclass(frozen=True, slots=True)
class Saved:
    """What a write left behind.

    `new_version` is False where the content equalled what was there already: then no version was
    written (`changed` still tells whether the title, tags, … were). `warnings` are for the author.
    """

    current: PromptVersion
    new_version: bool
    changed: bool
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RenderedPrompt:
    """The messages that a version makes of the given arguments; `ignored` names unknown ones."""

    source: PromptVersion
    messages: tuple[Message, ...]
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Missing:
    """The arguments that a version still needs before it can be rendered."""

    source: PromptVersion
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class LabelMove:
    """Where a label pointed and where it points now; None stands for nowhere."""

    prompt: Prompt
    label: str
    from_version: int | None
    to_version: int | None
    warnings: tuple[str, ...] = ()

    @property
    def weights(self) -> Mapping[int, int]:
        """The shares of versions, where it points at several now."""
        return self.prompt.weights.get(self.label, {})


@dataclass(frozen=True, slots=True)
class Archiving:
    """A prompt after it was archived or brought back."""

    prompt: Prompt
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BranchStanding:
    """A branch compared with `main`: how many versions each has that the other lacks."""

    branch: Branch
    ahead: int
    behind: int


@dataclass(frozen=True, slots=True)
class BranchChange:
    """A prompt after one of its branches began (`head`) or went (None)."""

    prompt: Prompt
    branch: str
    head: int | None
    warnings: tuple[str, ...] = ()


MergeOutcome = Literal["merged", "fast_forward", "already_merged"]


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge left behind: the prompt, and the head of the branch that was merged into.

    `fast_forward` moved the branch to a version that was there already; `already_merged` changed
    nothing. `base` is the version from which the two went apart.
    """

    current: PromptVersion
    outcome: MergeOutcome
    branch: str
    into: str
    base: int | None
    branch_deleted: bool
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two versions; `merge` is what bringing them together would do."""

    difference: "VersionDiff"
    merge: "MergeView | None" = None


@dataclass(frozen=True, slots=True)
class History:
    """A prompt, and the page of its versions with their texts."""

    prompt: Prompt
    versions: Page[Version]


@dataclass(frozen=True, slots=True)
class Completions:
    """Values that complete what was typed: at most 100 of `total`, None for uncounted others."""

    values: tuple[str, ...]
    total: int | None

    @property
    def has_more(self) -> bool:
        """Whether there are others."""
        return self.total is None or self.total > len(self.values)


_SHOWN_AS = (3, *(field.name for field in fields(Draft)[6:]))
"""What is shown of a prompt: its version, to be raised where something else is shown, so that
nobody keeps the old form; and the fields that were added to the content."""


def state_of(prompt: Prompt, version: int) -> str:
    """Return a token that differs whenever anything differs that is shown of a prompt.

    A version never changes, so what can differ is the prompt itself and where its pointers stand.
    """
    shown = (
        _SHOWN_AS,
        prompt.id.hex,
        prompt.updated_at.isoformat(),
        prompt.archived_at is None,
        version,
        sorted(prompt.labels.items()),
        sorted(prompt.branches.items()),
        sorted((label, sorted(each.items())) for label, each in prompt.weights.items()),
    )
    return _token(shown)


def _token(shown: object) -> str:
    return blake2b(repr(shown).encode(), digest_size=12).hexdigest()
