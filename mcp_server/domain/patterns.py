"""Patterns for the values of arguments: the comparisons to make, and the verdicts on them.

Anyone who may write a prompt may write a pattern, in the syntax of the library `regex`, and some
patterns take exponential time or much memory. So nothing is compared here: the caller runs all
comparisons of a request elsewhere, in one go, and passes the verdicts in.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from mcp_server.domain.texts import shown

MAX_PATTERN = 500
MAX_MATCHED = 1_000
"""Characters of a value that is compared with a pattern."""
PATTERN_SECONDS = 0.25
"""Processor time for all comparisons of one request."""
MAX_SIZE = 20_000
"""Characters of a pattern with all counted repetitions expanded, as compiling it does."""

_COUNT = re.compile(r"\{(\d*)(?:,(\d*))?\}")
_ENDINGS = frozenset(")}?*+")
"""Characters before a count that let it repeat more than one character."""
_RECURSION = re.compile(r"\(\?(?:R|&|P>|\(|[+-]?\d)")

VerdictKind = Literal["match", "mismatch", "invalid", "large", "slow", "unreached"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A pattern, and the text that has to match it as a whole.

    Without a text, only the pattern itself is checked.
    """

    pattern: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a comparison; `reason` explains why an invalid pattern is invalid.

    `large` took too much memory, `slow` ran out of the request's time, and `unreached` never
    started because that time was already used up.
    """

    kind: VerdictKind
    reason: str = ""


Verdicts: TypeAlias = Mapping[Comparison, Verdict]
UNJUDGED: Verdicts = MappingProxyType({})


def pattern_fault(pattern: str) -> str | None:
    """Return the reason why a pattern can't be compared at all; None if it can."""
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
    return None


def length_fault(value: str) -> str | None:
    """Return the fault of a value that is too long for any pattern; None if it isn't."""
    if len(value) > MAX_MATCHED:
        return (
            f"has {len(value):,} characters; with a pattern at most {MAX_MATCHED:,} are allowed; "
            "shorten it"
        )
    return None


def declaration_fault(pattern: str, verdict: Verdict) -> str | None:
    """Return the fault that a verdict finds in a pattern itself; None if it can be declared."""
    fault = f"has the pattern '{shown(pattern)}'"
    match verdict.kind:
        case "invalid":
            return f"{fault}, which is no regular expression: {verdict.reason}"
        case "large":
            return f"{fault}, which takes too much memory; simplify it"
        case "slow":
            return f"{fault}, which takes too long; simplify it"
        case "unreached":
            return f"{fault}, which wasn't looked at: {_OVER}"
        case _:
            return None


def value_fault(comparison: Comparison, verdict: Verdict) -> str | None:
    """Return the reason why a verdict rejects a value; None if it matches."""
    pattern = shown(comparison.pattern)
    match verdict.kind:
        case "match":
            return None
        case "mismatch":
            return f"has to match '{pattern}', and '{shown(comparison.value)}' doesn't"
        case "invalid":
            return f"can't be compared with '{pattern}': {verdict.reason}; mend the pattern"
        case "large":
            return f"takes too much memory to be compared with '{pattern}'; simplify the pattern"
        case "slow":
            return f"takes too long to be compared with '{pattern}'; simplify the pattern"
        case _:
            return f"wasn't compared with '{pattern}': {_OVER}"


_OVER = f"the {PATTERN_SECONDS * 1000:.0f} ms of a request for all its patterns were over"


def _size(pattern: str) -> int:
    """Return an upper bound of a pattern's length with its repetitions expanded.

    A count after a group is taken to repeat everything before it, which saves finding the start
    of the group.
    """
    size = end = 0
    for match in _COUNT.finditer(pattern):
        size += match.start() - end + 1
        count = max(1, *(int(digits or 0) for digits in match.groups()))
        before = pattern[: match.start()][-1:]
        size = size * count if before in _ENDINGS or before.isspace() else size + count
        end = match.end()
    return size + len(pattern) - end
