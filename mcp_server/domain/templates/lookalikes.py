"""What looks like a blank of `simple`, and is literal text there."""

import re

from mcp_server.domain.drafts import texts_of
from mcp_server.domain.templates.identifiers import is_identifier
from mcp_server.domain.texts import shown
from storage.values.entities import Draft

# What other programs write as names, paths, filters and conditions; a `{` more is no blank at all.
_BRACED = re.compile(r"(?<![{\\])\{\{([\w.\-$#/@|?\t ]{1,80}+)\}\}(?!\})")
_WORD = re.compile(r"\w")
_NAMED = 5
"""So many are named in a sentence."""


def look_alikes(template: str) -> tuple[str, ...]:
    """Return what stands in double braces like a name and is none, each once, in order.

    Such as `{{1st}}`, `{{user.name}}` and `{{user-name}}`; what has a backslash before it is meant
    to be literal.
    """
    found = (
        match[0]
        for match in _BRACED.finditer(template)
        if _WORD.search(match[1]) and not is_identifier(match[1].strip(" \t"))
    )
    return tuple(dict.fromkeys(found))


def remarks_on_blanks(draft: Draft) -> tuple[str, ...]:
    """Return a sentence for the author on what looks like a blank and is none, if anything does."""
    if draft.template_format != "simple":
        return ()
    found = list(dict.fromkeys(each for text in texts_of(draft) for each in look_alikes(text)))
    if not found:
        return ()
    named = ", ".join(f"'{shown(each)}'" for each in found[:_NAMED])
    more = len(found) - _NAMED
    others = f" and {more} more" if more > 0 else ""
    are = "look like blanks and stay" if len(found) > 1 else "looks like a blank and stays"
    return (
        f"{named}{others} {are} literal: the name of a blank has letters, digits and "
        "'_', and begins with no digit.",
    )
