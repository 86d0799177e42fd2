"""Patterns that an argument's value has to match: what is to be compared, and what came of it.

Anyone who may write a prompt may write a pattern, in the language of the library `regex`, and some
patterns take exponential time or much memory. So nothing is compared here: whoever calls the domain
has its comparisons made elsewhere, all of a request's in one go, and hands the verdicts in.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from mcp_server.domain.texts import shown

MAX_PATTERN = 500
MAX_MATCHED = 1_000
"""Characters of a value that has a pattern."""
PATTERN_SECONDS = 0.25
"""Processor time of all comparisons of a request together."""
MAX_SIZE = 20_000
"""Characters of a pattern with all counted repetitions written out, which compiling it does."""

_COUNT = re.compile(r"\{(\d*)(?:,(\d*))?\}")
_ENDINGS = frozenset(")}?*+")
"""What a count may repeat more than one character behind."""
_RECURSION = re.compile(r"\(\?(?:R|&|P>|\(|[+-]?\d)")

VerdictKind = Literal["match", "mismatch", "invalid", "large", "slow", "unreached"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A pattern, and the text that has to match it as a whole.

    Without a text the question is only whether it is a pattern.
    """

    pattern: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a comparison; `reason` says why an invalid pattern is none.

    `large` took too much memory and `slow` more time than the request had; it was over before an
    `unreached` one began.
    """

    kind: VerdictKind
    reason: str = ""


Verdicts: TypeAlias = Mapping[Comparison, Verdict]
UNJUDGED: Verdicts = MappingProxyType({})


def pattern_fault(pattern: str) -> str | None:
    """Tell why a pattern isn't even worth a comparison; None where it is."""
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
    """Tell that a value is too long for any pattern; None where it isn't."""
    if len(value) > MAX_MATCHED:
        return (
            f"has {len(value):,} characters; with a pattern at most {MAX_MATCHED:,} are allowed; "
            "shorten it"
        )
    return None


def declaration_fault(pattern: str, verdict: Verdict) -> str | None:
    """Tell by a verdict why a pattern can't be declared, whatever value it is compared with."""
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
    """Tell by a verdict why a value can't be taken; None where it matches."""
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
