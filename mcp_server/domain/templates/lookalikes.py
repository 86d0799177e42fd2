"""What looks like a blank of `simple`, and is literal text there."""

import re

from mcp_server.domain.templates.identifiers import is_identifier

# What other programs write as names, paths, filters and conditions; a `{` more is no blank at all.
_BRACED = re.compile(r"(?<![{\\])\{\{([\w.\-$#/@|?\t ]{1,80}+)\}\}(?!\})")
_WORD = re.compile(r"\w")


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
