"""What callers hand to the use cases, as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any, Final, Literal

from storage.values.entities import Argument, Message, TemplateFormat


class _Unset(Enum):
    UNSET = "unset"


Unset = Literal[_Unset.UNSET]
UNSET: Final = _Unset.UNSET
"""Stands for "leave it as it is": None means "take it away"."""


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom a prompt is read: the model that gets the text, and a key of who uses it.

    The key decides which version a label with weights means: the same for the same key.
    """

    model_type: str | None
    key: str | None


ANYONE = Reader(None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptInput:
    """The fields that a caller wrote; those left `UNSET` keep their value, or get the default.

    `template` is one user message and excludes `messages`.
    """

    title: str | Unset | None = UNSET
    description: str | Unset | None = UNSET
    folder: str | Unset = UNSET
    tags: Sequence[str] | Unset = UNSET
    template: str | Unset = UNSET
    messages: Sequence[Message] | Unset = UNSET
    arguments: Sequence[Argument] | Unset = UNSET
    template_format: TemplateFormat | Unset = UNSET
    model_type: str | Unset | None = UNSET
    model_config: Mapping[str, Any] | Unset = UNSET
    variants: Mapping[str, Sequence[Message]] | Unset = UNSET

    def given(self) -> dict[str, Any]:
        """Return the fields that the caller wrote."""
        named = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: value for name, value in named if value is not UNSET}
