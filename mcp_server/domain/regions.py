"""Regions: three sequences, cut where all of them agree, for a three-way merge.

The cut is the parse of `diff3` as S. Khanna, K. Kunal and B. C. Pierce define it in "A Formal
Investigation of Diff3" (FSTTCS 2007): stable regions are the longest runs of the base that both
sides kept, and everything between two of them is one unstable region, whichever side changed it.
"""

from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

from mcp_server.domain.line_diffs import align


class Region(NamedTuple):
    """A slice of each of the three sequences; in a stable region all three are equal."""

    base: slice
    ours: slice
    theirs: slice
    is_stable: bool


class _Change(NamedTuple):
    """A stretch of the base that was replaced, and how much longer that made each side."""

    start: int
    end: int
    ours_grew: int
    theirs_grew: int


def cut_regions(
    base: Sequence[Hashable], ours: Sequence[Hashable], theirs: Sequence[Hashable]
) -> Iterator[Region]:
    """Yield the non-empty regions in order; together they cover all three sequences.

    Changes that touch are one region, since nothing stable lies between them. The time is bounded
    as in `align`, where costly changes are compared coarsely.
    """
    base_at = ours_at = theirs_at = 0
    for change in _joined(_changes(base, ours, theirs)):
        unchanged = change.start - base_at
        yield from _stable(base_at, ours_at, theirs_at, unchanged)
        ours_at, theirs_at = ours_at + unchanged, theirs_at + unchanged
        length = change.end - change.start
        ours_end = ours_at + length + change.ours_grew
        theirs_end = theirs_at + length + change.theirs_grew
        place = slice(change.start, change.end)
        yield Region(place, slice(ours_at, ours_end), slice(theirs_at, theirs_end), is_stable=False)
        base_at, ours_at, theirs_at = change.end, ours_end, theirs_end
    yield from _stable(base_at, ours_at, theirs_at, len(base) - base_at)


def _changes(
    base: Sequence[Hashable], ours: Sequence[Hashable], theirs: Sequence[Hashable]
) -> list[_Change]:
    """Return both sides' changes, in the order of the base."""
    mine = [_Change(i, j, (m - k) - (j - i), 0) for i, j, k, m in align(base, ours)]
    other = [_Change(i, j, 0, (m - k) - (j - i)) for i, j, k, m in align(base, theirs)]
    return sorted(mine + other)


def _joined(changes: Sequence[_Change]) -> Iterator[_Change]:
    """Merge changes that overlap or touch."""
    whole: _Change | None = None
    for change in changes:
        if whole is None or change.start > whole.end:
            if whole is not None:
                yield whole
            whole = change
        else:
            whole = _Change(
                whole.start,
                max(whole.end, change.end),
                whole.ours_grew + change.ours_grew,
                whole.theirs_grew + change.theirs_grew,
            )
    if whole is not None:
        yield whole


def _stable(base: int, ours: int, theirs: int, length: int) -> Iterator[Region]:
    if length:
        at, mine, other = (slice(start, start + length) for start in (base, ours, theirs))
        yield Region(at, mine, other, is_stable=True)
