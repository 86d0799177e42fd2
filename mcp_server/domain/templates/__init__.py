"""Template formats: one engine each, behind one seam."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from mcp_server.domain.templates import simple, text
from mcp_server.domain.texts import shown
from storage.errors import Invalid

NOTHING: Mapping[str, str] = MappingProxyType({})


class Engine(Protocol):
    """What a template format can do with a text."""

    def placeholders(self, template: str, /) -> tuple[str, ...]:
        """Return the names that the template uses, each once, in order of first use."""

    def includes(self, template: str, /) -> tuple[str, ...]:
        """Return the references to other prompts that the template includes, each once."""

    def fill(
        self,
        template: str,
        values: Mapping[str, str],
        /,
        *,
        limit: int | None = None,
        partials: Mapping[str, str] = NOTHING,
    ) -> str:
        """Return the template with every placeholder replaced by its value.

        `partials` are the texts of what it includes, by reference; without one, an include stays
        as it is written.

        Raises:
            Invalid: the result would have more than `limit` characters.
        """


_ENGINES: Mapping[str, Engine] = {"text": text, "simple": simple}


def template_engine(template_format: str) -> Engine:
    """Return the engine of a template format.

    Raises:
        Invalid: there is no such format.
    """
    if template_format in _ENGINES:
        return _ENGINES[template_format]
    known = " or ".join(f"'{name}'" for name in _ENGINES)
    sentence = f"There is no template format '{shown(template_format)}'. Use {known}."
    raise Invalid(sentence, fields={"template_format": sentence})
