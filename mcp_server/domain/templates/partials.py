"""Partials: the texts that a template includes, by reference."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from storage.values.entities import TemplateFormat

MAX_SECONDS = 0.15
"""Processor time of templates that compute, in one rendering and all its includes."""


@dataclass(frozen=True, slots=True)
class Source:
    """An included text before it is filled."""

    template: str
    template_format: TemplateFormat


class Partials(Protocol):
    """The texts that a template can include: filled once, or as sources to fill in place."""

    @property
    def sources(self) -> Mapping[str, Source]:
        """All included texts by reference, nested ones too."""

    def filled(self, reference: str, /) -> str | None:
        """Return a text filled with the values of the whole rendering; None if it is missing."""


class _NoPartials:
    sources: Mapping[str, Source] = MappingProxyType({})

    def filled(self, reference: str, /) -> str | None:
        return None


NO_PARTIALS: Partials = _NoPartials()
NO_INCLUDES: Mapping[str, frozenset[str]] = MappingProxyType({})
