"""Blanks: placeholders in the notations of other programs, read into and written from `simple`."""

import re
from collections.abc import Callable

from mcp_server.domain.fields import PLAIN
from mcp_server.domain.reading import has_value
from mcp_server.domain.templates.identifiers import is_named
from mcp_server.domain.templates.simple import Include, Part, Placeholder, join_parts, parse
from storage.values.entities import Draft, Metadata
from storage.values.errors import Invalid


def read_blanks(
    text: str, notation: re.Pattern[str], read: Callable[[re.Match[str]], Part | None]
) -> str:
    """Return a `simple` template for a text; anything but a blank in its notation is literal.

    `read` returns the part for a match, None if the match is literal. It isn't called if the
    notation has a name (`NAMED`) that is no identifier.
    """
    parts: list[Part] = []
    end = 0
    for match in notation.finditer(text):
        part = read(match) if is_named(match) else None
        if part is not None:
            parts += [text[end : match.start()], part]
            end = match.end()
    return join_parts([*parts, text[end:]])


def write_blanks(
    template: str,
    write: Callable[[str], str],
    include: Callable[[str], str | None] = lambda reference: None,
) -> tuple[str, list[str]]:
    """Write a `simple` template in another notation; also return the includes it can't express."""
    pieces: list[str] = []
    lost: list[str] = []
    for part in parse(template):
        match part:
            case str():
                pieces.append(part)
            case Placeholder():
                pieces.append(write(part.name))
            case _:
                reference = include(part.reference)
                lost += [part.reference] if reference is None else []
                pieces.append(part.written if reference is None else reference)
    return "".join(pieces), lost


def literals(template: str) -> str:
    """Return the literal parts of a `simple` template, joined by NUL characters."""
    return "\0".join(part for part in parse(template) if isinstance(part, str))


def include_of(reference: str) -> Include:
    """Return an include in the notation of `simple`."""
    return Include(reference, f"{{{{> {reference}}}}}")


def check_carried(draft: Draft, name: str, format_title: str) -> None:
    """Refuse a draft that needs conditions and loops, for a format without them.

    Raises:
        Invalid: the texts are liquid.
    """
    if draft.template_format == "liquid":
        raise Invalid(
            f"The prompt '{name}' is liquid, which {format_title} can't say. Export it as "
            "Markdown, JSON or YAML."
        )


def lost_settings(draft: Draft, *kept: str) -> list[str]:
    """Name the parts of a draft beside its texts that a format loses, which are all but `kept`."""
    declared = [each for each in draft.arguments if each != type(each)(each.name)]
    others = ("variants", *(name for name in reversed(tuple(PLAIN)) if name != "template_format"))
    settings = [("what its arguments are declared as", declared)]
    settings += [(name, getattr(draft, name)) for name in others]
    return [title for title, value in settings if has_value(value) and title not in kept]


def lost_saying(metadata: Metadata, *kept: str) -> list[str]:
    """Name the metadata fields that a format loses, which are all but `kept`."""
    values = {
        "title": metadata.title, "description": metadata.description, "folder": metadata.folder,
        "tags": metadata.tags,
    }  # fmt: skip
    return [key for key, value in values.items() if value and key not in kept]
