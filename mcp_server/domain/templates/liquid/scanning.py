"""Scanning: a check of a template's delimiters, in one pass, before a parser sees it.

From every opening delimiter on, the parser's regular expressions search for the closing one: if
many are missing, that takes forever. So they are searched for here first, once.
"""

import re

from mcp_server.domain.templates.liquid.faults import fault
from mcp_server.domain.texts import shown

MAX_TEMPLATE = 250_000
"""Characters of one liquid text."""
MAX_MARKUP = 1_500
"""Tags, outputs and lines of `{% liquid %}` in one text."""
MAX_EXPRESSION = 10_000
"""Characters of one tag or output."""

_OPENING = re.compile(r"\{[{%]")
_VERBATIM = re.compile(r"\{%-?\s*+(raw|doc)\s*+-?%\}")
_CLOSING = {"{{": "}}", "{%": "%}"}


def scan(template: str) -> None:
    """Check that everything opened is closed, and that there isn't too much of it.

    Raises:
        Invalid: a tag, output or block isn't closed, or the template has too much of them.
    """
    if len(template) > MAX_TEMPLATE:
        raise fault(
            f"has {len(template):,} characters; at most {MAX_TEMPLATE:,} are allowed in liquid. "
            "Put parts of it into prompts of their own, or use the format 'text'"
        )
    position = markup = 0
    while opening := _OPENING.search(template, position):
        position = _end(template, opening)
        markup += 1 + template.count("\n", opening.start(), position)
        if markup > MAX_MARKUP:
            raise fault(
                f"has more than {MAX_MARKUP:,} tags, outputs and lines of them. Put parts of it "
                "into prompts of their own",
                template,
                opening.start(),
            )


def _end(template: str, opening: re.Match[str]) -> int:
    """Return the end of the tag, output or verbatim block that opens here."""
    start = opening.start()
    if verbatim := _VERBATIM.match(template, start):
        return _verbatim_end(template, verbatim)
    closing = _CLOSING[opening[0]]
    # As in the parser, the closing delimiter can't overlap the opening one.
    end = template.find(closing, opening.end())
    if end < 0:
        raise fault(f"opens '{opening[0]}' and never closes it. Write '{closing}'", template, start)
    if end - start > MAX_EXPRESSION:
        raise fault(
            f"has a tag of {end - start:,} characters; at most {MAX_EXPRESSION:,} are allowed",
            template,
            start,
        )
    return end + len(closing)


def _verbatim_end(template: str, verbatim: re.Match[str]) -> int:
    closing = re.compile(rf"\{{%-?\s*+end{verbatim[1]}\s*+-?%\}}")
    match = closing.search(template, verbatim.end())
    if match is None:
        raise fault(
            f"opens '{shown(verbatim[0])}' and never closes it. Write '{{% end{verbatim[1]} %}}'",
            template,
            verbatim.start(),
        )
    return match.end()
