"""Scanning: what a template holds, in one pass, before a parser sees it.

The parser's regular expressions look for the end of what was opened from every opening on: where
many ends are missing, that takes for ever. So they are looked for here first, once.
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
    """Check that everything that is opened is closed, and that there isn't too much of it.

    Raises:
        Invalid: it isn't, or there is.
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
    """Return where the tag, output or verbatim block that opens here ends."""
    start = opening.start()
    if verbatim := _VERBATIM.match(template, start):
        return _verbatim_end(template, verbatim)
    closing = _CLOSING[opening[0]]
    # As the parser has it: what closes stands behind at least the opening braces.
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
    found = closing.search(template, verbatim.end())
    if found is None:
        raise fault(
            f"opens '{shown(verbatim[0])}' and never closes it. Write '{{% end{verbatim[1]} %}}'",
            template,
            verbatim.start(),
        )
    return found.end()
