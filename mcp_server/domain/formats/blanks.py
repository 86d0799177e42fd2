"""Blanks: placeholders in the notations of other programs, read into and written from `simple`."""

import re
from collections.abc import Callable

from mcp_server.domain.fields import PLAIN
from mcp_server.domain.reading import says
from mcp_server.domain.templates.identifiers import is_named
from mcp_server.domain.templates.simple import Include, Part, Placeholder, join_parts, parse
from storage.values.entities import Draft, Metadata
from storage.values.errors import Invalid


def read_blanks(
    text: str, notation: re.Pattern[str], read: Callable[[re.Match[str]], Part | None]
) -> str:
    """Return a `simple` template for a text; what isn't a blank in its notation is literal.

    `read` gives the part that a match means, None where it means nothing but itself. It isn't asked
    where the notation has a name (`NAMED`) that is no identifier.
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
    """Write a `simple` template in another notation; returns the references that it can't say."""
    written: list[str] = []
    lost: list[str] = []
    for part in parse(template):
        match part:
            case str():
                written.append(part)
            case Placeholder():
                written.append(write(part.name))
            case _:
                reference = include(part.reference)
                lost += [part.reference] if reference is None else []
                written.append(part.written if reference is None else reference)
    return "".join(written), lost


def literals(template: str) -> str:
    """Return what of a `simple` template is literal, without its blanks."""
    return "\0".join(part for part in parse(template) if isinstance(part, str))


def include_of(reference: str) -> Include:
    """Return an include as it is written in `simple`."""
    return Include(reference, f"{{{{> {reference}}}}}")


def check_carried(draft: Draft, name: str, format_title: str) -> None:
    """Refuse what a format without conditions and loops can't hold.

    Raises:
        Invalid: the texts are liquid.
    """
    if draft.template_format == "liquid":
        raise Invalid(
            f"The prompt '{name}' is liquid, which {format_title} can't say. Export it as "
            "Markdown, JSON or YAML."
        )


def lost_settings(draft: Draft, *kept: str) -> list[str]:
    """Name what a draft has beside its texts, but for what a format keeps."""
    declared = [each for each in draft.arguments if each != type(each)(each.name)]
    others = ("variants", *(name for name in reversed(tuple(PLAIN)) if name != "template_format"))
    there = [("what its arguments are declared as", declared)]
    there += [(name, getattr(draft, name)) for name in others]
    return [title for title, value in there if says(value) and title not in kept]


def lost_saying(metadata: Metadata, *kept: str) -> list[str]:
    """Name what a prompt says about itself, but for what a format keeps."""
    values = {
        "title": metadata.title, "description": metadata.description, "folder": metadata.folder,
        "tags": metadata.tags,
    }  # fmt: skip
    return [key for key, value in values.items() if value and key not in kept]
