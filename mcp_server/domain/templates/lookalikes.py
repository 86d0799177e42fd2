"""Lookalikes: literal text that resembles a blank of the format `simple`."""

import re

from mcp_server.domain.drafts import texts_of
from mcp_server.domain.templates.identifiers import is_identifier
from mcp_server.domain.texts import shown
from storage.values.entities import Draft

# Names, paths, filters and conditions of other programs; three braces are no blank at all.
_BRACED = re.compile(r"(?<![{\\])\{\{([\w.\-$#/@|?\t ]{1,80}+)\}\}(?!\})")
_WORD = re.compile(r"\w")
_MAX_NAMED = 5
"""Lookalikes quoted in one remark."""


def look_alikes(template: str) -> tuple[str, ...]:
    """Return the distinct lookalikes in a template, with their braces, in order.

    Such as `{{1st}}`, `{{user.name}}` and `{{user-name}}`; one with a backslash before it is meant
    to be literal.
    """
    lookalikes = (
        match[0]
        for match in _BRACED.finditer(template)
        if _WORD.search(match[1]) and not is_identifier(match[1].strip(" \t"))
    )
    return tuple(dict.fromkeys(lookalikes))


def remarks_on_blanks(draft: Draft) -> tuple[str, ...]:
    """Return a remark for the author on the lookalikes in a draft, if it has any."""
    if draft.template_format != "simple":
        return ()
    lookalikes = list(dict.fromkeys(each for text in texts_of(draft) for each in look_alikes(text)))
    if not lookalikes:
        return ()
    named = ", ".join(f"'{shown(each)}'" for each in lookalikes[:_MAX_NAMED])
    more = len(lookalikes) - _MAX_NAMED
    others = f" and {more} more" if more > 0 else ""
    are = "look like blanks and stay" if len(lookalikes) > 1 else "looks like a blank and stays"
    return (
        f"{named}{others} {are} literal: the name of a blank has letters, digits and "
        "'_', and begins with no digit.",
    )
