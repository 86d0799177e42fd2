"""Template formats: one engine each, behind one seam."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Protocol, cast, get_args

from mcp_server.domain.templates import simple, text
from mcp_server.domain.templates.partials import NO_PARTIALS, Partials
from mcp_server.domain.texts import shown
from storage.values.entities import Argument, TemplateFormat
from storage.values.errors import Invalid


class Engine(Protocol):
    """What a template format can do with a text."""

    def check(self, template: str, /) -> None:
        """Check a template before it is kept.

        Raises:
            Invalid: it can't be filled; says what is wrong and where.
        """

    def placeholders(self, template: str, /) -> tuple[str, ...]:
        """Return the names that the template uses, each once, in order of first use."""

    def includes(self, template: str, /) -> Mapping[str, frozenset[str]]:
        """Return the references to other prompts that the template includes.

        Each has the names that the template itself gives a value wherever it includes it.
        """

    def fill(
        self,
        template: str,
        values: Mapping[str, str],
        /,
        *,
        limit: int | None = None,
        partials: Partials = NO_PARTIALS,
        arguments: Sequence[Argument] = (),
        deadline: float | None = None,
    ) -> str:
        """Return the template with every placeholder replaced by its value.

        `partials` are the texts that it includes; without one, an include stays as it is written.
        `arguments` tell the types of the values. `deadline` is the processor time of this thread,
        as `time.thread_time` counts it, at which a template that computes has to be done.

        Raises:
            Invalid: the result would have more than `limit` characters, or take too long.
        """


_ENGINES: dict[str, Engine] = {"text": text, "simple": simple}


def template_engine(template_format: str) -> Engine:
    """Return the engine of a template format.

    Raises:
        Invalid: there is no such format.
    """
    engine = _ENGINES.get(template_format)
    if engine is not None:
        return engine
    if template_format == "liquid":
        # Loaded for the first prompt that is written in it: most libraries have none.
        engine = cast(Engine, import_module("mcp_server.domain.templates.liquid"))
        _ENGINES[template_format] = engine
        return engine
    *others, last = [f"'{name}'" for name in get_args(TemplateFormat)]
    known = f"{', '.join(others)} or {last}"
    sentence = f"There is no template format '{shown(template_format)}'. Use {known}."
    raise Invalid(sentence, fields={"template_format": sentence})
