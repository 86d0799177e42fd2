"""The results of the use cases, as plain data."""

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
    """A prompt with the version that a reference means, and the text chosen for a model.

    `variant` is the key of that text, None for the base text; `label` is the label whose weights
    chose the version, if one did; `composition` holds the included texts.
    """

    prompt: Prompt
    version: Version
    variant: str | None = None
    label: str | None = None
    composition: Composition = ALONE

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """The version's own arguments and those of the texts that it includes."""
        own = self.version.draft.arguments
        fragments = self.composition.fragments
        if not fragments:
            return own
        return merge_included(own, includes_of(self.version.draft), fragments)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages of the chosen text."""
        draft = self.version.draft
        return draft.messages if self.variant is None else draft.variants[self.variant]

    @property
    def state(self) -> str:
        """The fingerprint of this state of the prompt; see `state_of`.

        The part after a dot, if any, is for the included texts, which are shown as well.
        """
        own = state_of(self.prompt, self.version.version)
        if not self.version.includes:
            return own
        fragments = self.composition.fragments
        inside = sorted((key, each.prompt_id.hex, each.version) for key, each in fragments.items())
        return f"{own}.{_token((inside, str(self.composition.problem)))}"


@dataclass(frozen=True, slots=True)
class Saved:
    """The result of a write.

    `new_version` is False if the content was the same as before, so that no version was written;
    `changed` tells whether content or metadata changed. `warnings` are for the author.
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
    """The version that a label pointed at and the one it points at now; None is no version."""

    prompt: Prompt
    label: str
    from_version: int | None
    to_version: int | None
    warnings: tuple[str, ...] = ()

    @property
    def weights(self) -> Mapping[int, int]:
        """The weight of each version, if the label points at several now."""
        return self.prompt.weights.get(self.label, {})


@dataclass(frozen=True, slots=True)
class Archiving:
    """A prompt after it was archived or restored."""

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
    """A prompt after one of its branches was created, or deleted (`head` is None)."""

    prompt: Prompt
    branch: str
    head: int | None
    warnings: tuple[str, ...] = ()


MergeOutcome = Literal["merged", "fast_forward", "already_merged"]


@dataclass(frozen=True, slots=True)
class Merged:
    """The result of a merge: the prompt, and the head of the branch merged into.

    `fast_forward` moved the branch to an existing version; `already_merged` changed nothing.
    `base` is the version at which the two branches diverged.
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
    """The difference between two versions; `merge` previews the merge of one into the other."""

    difference: "VersionDiff"
    merge: "MergeView | None" = None


@dataclass(frozen=True, slots=True)
class History:
    """A prompt, and a page of its versions with their texts."""

    prompt: Prompt
    versions: Page[Version]


@dataclass(frozen=True, slots=True)
class Completions:
    """Completions of a typed text: at most 100 of `total`, which is None if uncounted."""

    values: tuple[str, ...]
    total: int | None

    @property
    def has_more(self) -> bool:
        """Whether there are more than these values."""
        return self.total is None or self.total > len(self.values)


_SHOWN_AS = (3, *(field.name for field in fields(Draft)[6:]))
"""The version of a prompt's shown form, to be raised when that changes so that no client keeps the
old form; and the fields that were added to the content."""


def state_of(prompt: Prompt, version: int) -> str:
    """Return a token that changes whenever anything shown of a prompt changes.

    Versions never change, so it covers only the prompt itself and its pointers.
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
