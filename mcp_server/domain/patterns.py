"""Patterns that an argument's value has to match: regular expressions, kept from running away."""

import re

from mcp_server.domain.texts import shown

MAX_PATTERN = 500
MAX_MATCHED = 1_000
"""Characters of a value that has a pattern."""


def pattern_fault(pattern: str) -> str | None:
    """Tell why a pattern can't be used; None where it can."""
    if len(pattern) > MAX_PATTERN:
        return f"has a pattern of {len(pattern):,} characters; at most {MAX_PATTERN} are allowed"
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"has the pattern '{shown(pattern)}', which is no regular expression: {error}"
    return None


def mismatch(pattern: str, value: str) -> str | None:
    """Tell why a value as a whole doesn't match a pattern; None where it does."""
    if len(value) > MAX_MATCHED:
        return f"has {len(value):,} characters; with a pattern at most {MAX_MATCHED:,} are allowed"
    if re.fullmatch(pattern, value):
        return None
    return f"has to match '{shown(pattern)}', and '{shown(value)}' doesn't"
