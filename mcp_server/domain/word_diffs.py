"""Differences between texts word by word, in time bounded by their size."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from mcp_server.domain.line_diffs import align

_TOKEN = re.compile(r"\n|[^\S\n]+|\w+|[^\w\s]")
MAX_BY_WORDS = 400_000
"""Characters of changed lines, old and new, that are compared word by word."""

_CONTEXT = 2
_GAP = "…\n"


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of text that is in both, only in the old or only in the new one."""

    kind: Literal["equal", "removed", "added"]
    text: str


def word_diff(old: str, new: str) -> tuple[Segment, ...]:
    """Return both texts as one sequence of runs; equal and removed ones make the old text.

    Lines are compared first, then the words of changed lines, up to `MAX_BY_WORDS` characters.
    """
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    return tuple(_joined(_in_lines(before, after)))


def write_words(segments: Sequence[Segment]) -> str:
    """Write the runs as one text, `[-removed-]` and `{+added+}`, with some context around each."""
    marks = {"removed": ("[-", "-]"), "added": ("{+", "+}")}
    pieces = []
    for index, segment in enumerate(segments):
        if segment.kind == "equal":
            last = index == len(segments) - 1
            pieces.append(_around(segment.text, first=index == 0, last=last))
        else:
            opening, closing = marks[segment.kind]
            pieces.append(f"{opening}{segment.text}{closing}")
    text = "".join(pieces)
    return text if text.endswith("\n") else f"{text}\n"


def _in_lines(old: Sequence[str], new: Sequence[str]) -> Iterator[Segment]:
    at = 0
    left = MAX_BY_WORDS
    for start, end, new_start, new_end in align(old, new):
        yield Segment("equal", "".join(old[at:start]))
        before, after = "".join(old[start:end]), "".join(new[new_start:new_end])
        left -= len(before) + len(after)
        if left < 0:
            yield Segment("removed", before)
            yield Segment("added", after)
        else:
            yield from _in_words(before, after)
        at = end
    yield Segment("equal", "".join(old[at:]))


def _in_words(old: str, new: str) -> Iterator[Segment]:
    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    at = 0
    for start, end, new_start, new_end in align(before, after):
        yield Segment("equal", "".join(before[at:start]))
        yield Segment("removed", "".join(before[start:end]))
        yield Segment("added", "".join(after[new_start:new_end]))
        at = end
    yield Segment("equal", "".join(before[at:]))


def _joined(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Merge neighbours of the same kind, and drop empty ones."""
    last: Segment | None = None
    for segment in segments:
        if not segment.text:
            continue
        if last is not None and last.kind == segment.kind:
            last = Segment(last.kind, last.text + segment.text)
            continue
        if last is not None:
            yield last
        last = segment
    if last is not None:
        yield last


def _around(text: str, *, first: bool, last: bool) -> str:
    """Shorten an equal run to the lines near a change: at its end, its beginning or both."""
    lines = text.splitlines(keepends=True)
    head = 0 if first else _CONTEXT + 1
    tail = 0 if last else _CONTEXT + 1
    if len(lines) <= head + tail:
        return text
    return "".join(lines[:head]) + _GAP + "".join(lines[len(lines) - tail :])
