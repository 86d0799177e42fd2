"""Template formats: one engine each, behind one seam."""

from collections.abc import Mapping
from typing import Protocol

from mcp_server.domain.templates import simple, text
from mcp_server.domain.texts import shown
from storage.errors import Invalid


class Engine(Protocol):
    """What a template format can do with a text."""

    def placeholders(self, template: str, /) -> tuple[str, ...]:
        """Return the names that the template uses, each once, in order of first use."""

    def fill(self, template: str, values: Mapping[str, str], /, *, limit: int | None = None) -> str:
        """Return the template with every placeholder replaced by its value.

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
