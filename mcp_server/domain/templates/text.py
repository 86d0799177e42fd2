"""The format `text`: served as it was written, with no placeholders."""

from collections.abc import Mapping

from mcp_server.domain.texts import check_rendered


def placeholders(template: str, /) -> tuple[str, ...]:
    """Return no names: nothing in the text is a placeholder."""
    return ()


def includes(template: str, /) -> tuple[str, ...]:
    """Return no references: nothing in the text is an include."""
    return ()


def fill(
    template: str,
    values: Mapping[str, str],
    /,
    *,
    limit: int | None = None,
    partials: Mapping[str, str] | None = None,
) -> str:
    """Return the text as it is."""
    check_rendered(len(template), limit)
    return template
