"""The format `text`: served as written, without placeholders."""

from collections.abc import Mapping, Sequence

from mcp_server.domain.templates.partials import NO_INCLUDES, NO_PARTIALS, Partials
from mcp_server.domain.texts import check_rendered
from storage.values.entities import Argument


def check(template: str, /) -> None:
    """Accept every text."""


def placeholders(template: str, /) -> tuple[str, ...]:
    """Return no names: nothing in the text is a placeholder."""
    return ()


def includes(template: str, /) -> Mapping[str, frozenset[str]]:
    """Return no references: nothing in the text is an include."""
    return NO_INCLUDES


def fill(
    template: str,
    values: Mapping[str, str],
    /,
    *,
    limit: int | None = None,
    partials: Partials = NO_PARTIALS,
    arguments: Sequence[Argument] = (),
    deadline: float | None = None,
) -> str:
    """Return the text unchanged."""
    check_rendered(len(template), limit)
    return template
