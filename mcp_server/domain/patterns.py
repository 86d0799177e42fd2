"""Patterns that an argument's value has to match: regular expressions in a bounded time.

Anyone who may write a prompt may write a pattern, and `re` takes exponential time for some of
them without a way to stop it. The library `regex` reads the same language and takes a time limit.
It is imported where a pattern is met: most prompts have none.
"""

import re

from mcp_server.domain.texts import shown

MAX_PATTERN = 500
MAX_MATCHED = 1_000
"""Characters of a value that has a pattern."""
MATCH_SECONDS = 0.05
"""How long one value may be compared with its pattern."""
MAX_SIZE = 20_000
"""Characters of a pattern with all counted repetitions written out, which compiling it does."""

_COUNT = re.compile(r"\{(\d*)(?:,(\d*))?\}")
_ENDINGS = frozenset(")}?*+")
"""What a count may repeat more than one character behind."""
_RECURSION = re.compile(r"\(\?(?:R|&|P>|\(|[+-]?\d)")


def pattern_fault(pattern: str) -> str | None:
    """Tell why a pattern can't be used; None where it can."""
    import regex

    if len(pattern) > MAX_PATTERN:
        return (
            f"has a pattern of {len(pattern):,} characters; at most {MAX_PATTERN} are allowed; "
            "shorten it"
        )
    if _size(pattern) > MAX_SIZE:
        return (
            f"has the pattern '{shown(pattern)}', whose repetitions make it longer than "
            f"{MAX_SIZE:,} characters; use smaller counts, or '*' and '+'"
        )
    if _RECURSION.search(pattern):
        return f"has the pattern '{shown(pattern)}', which refers to itself; write it out"
    try:
        regex.compile(pattern)
    except (regex.error, OverflowError, RecursionError) as error:
        return f"has the pattern '{shown(pattern)}', which is no regular expression: {error}"
    return None


def mismatch(pattern: str, value: str) -> str | None:
    """Tell why a value as a whole doesn't match a pattern; None where it does."""
    import regex

    if len(value) > MAX_MATCHED:
        return (
            f"has {len(value):,} characters; with a pattern at most {MAX_MATCHED:,} are allowed; "
            "shorten it"
        )
    try:
        found = regex.fullmatch(pattern, value, timeout=MATCH_SECONDS)
    except TimeoutError:
        return f"takes too long to be compared with '{shown(pattern)}'; simplify the pattern"
    if found is None:
        return f"has to match '{shown(pattern)}', and '{shown(value)}' doesn't"
    return None


def _size(pattern: str) -> int:
    """Return how long a pattern is at most with its repetitions written out.

    A count behind a group is taken to repeat everything before it, so that nobody has to find out
    where the group begins.
    """
    size = end = 0
    for found in _COUNT.finditer(pattern):
        size += found.start() - end + 1
        count = max(1, *(int(written or 0) for written in found.groups()))
        before = pattern[: found.start()][-1:]
        size = size * count if before in _ENDINGS or before.isspace() else size + count
        end = found.end()
    return size + len(pattern) - end
