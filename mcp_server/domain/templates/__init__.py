"""Template formats, each with an engine behind the same interface."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Protocol, cast, get_args

from mcp_server.domain.templates import simple, text
from mcp_server.domain.templates.partials import NO_PARTIALS, Partials
from mcp_server.domain.texts import shown
from storage.values.entities import Argument, TemplateFormat
from storage.values.errors import Invalid


class Engine(Protocol):
    """The operations of a template format on a text."""

    def check(self, template: str, /) -> None:
        """Check a template before it is saved.

        Raises:
            Invalid: it can't be filled; says what is wrong and where.
        """

    def placeholders(self, template: str, /) -> tuple[str, ...]:
        """Return the names that the template uses, each once, in order of first use."""

    def includes(self, template: str, /) -> Mapping[str, frozenset[str]]:
        """Return the references to other prompts that the template includes.

        Each has the argument names that the template itself sets in all of its includes.
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

        `partials` are the included texts; an include without one stays as it is written.
        `arguments` give the types of the values. `deadline` is the processor time of this thread,
        as counted by `time.thread_time`, by which a template that computes has to finish.

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
        # Loaded on first use: most libraries have no prompt in this format.
        engine = cast(Engine, import_module("mcp_server.domain.templates.liquid"))
        _ENGINES[template_format] = engine
        return engine
    *others, last = [f"'{name}'" for name in get_args(TemplateFormat)]
    known = f"{', '.join(others)} or {last}"
    sentence = f"There is no template format '{shown(template_format)}'. Use {known}."
    raise Invalid(sentence, fields={"template_format": sentence})
