"""Partials: the texts that a template includes, by the references that stand in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from storage.values.entities import TemplateFormat

MAX_SECONDS = 0.15
"""Processor time of templates that compute, in one rendering with all that it includes."""


@dataclass(frozen=True, slots=True)
class Source:
    """An included text as it is written."""

    template: str
    template_format: TemplateFormat


class Partials(Protocol):
    """What a template can include: filled once for all, or to be filled where it stands."""

    @property
    def sources(self) -> Mapping[str, Source]:
        """The texts by reference, also of what the included texts include."""

    def filled(self, reference: str, /) -> str | None:
        """Return a text filled with the values of the whole rendering; None if there is none."""


class _NoPartials:
    sources: Mapping[str, Source] = MappingProxyType({})

    def filled(self, reference: str, /) -> str | None:
        return None


NO_PARTIALS: Partials = _NoPartials()
NO_INCLUDES: Mapping[str, frozenset[str]] = MappingProxyType({})
