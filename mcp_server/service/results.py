"""What the use cases return, as plain data."""

from dataclasses import dataclass

from storage.entities import Message, Prompt, Version


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """A prompt together with the version that a reference meant."""

    prompt: Prompt
    version: Version


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
class LabelMove:
    """Where a label pointed and where it points now; None stands for nowhere."""

    prompt: Prompt
    label: str
    from_version: int | None
    to_version: int | None


@dataclass(frozen=True, slots=True)
class Completions:
    """Values that complete what was typed: at most 100 of `total`."""

    values: tuple[str, ...]
    total: int
