"""Three sequences, cut where all of them agree: what a three-way merge works on.

The cut is the parse of `diff3` as S. Khanna, K. Kunal and B. C. Pierce define it in "A Formal
Investigation of Diff3" (FSTTCS 2007): stable regions are the longest runs of the base that both
sides kept, and everything between two of them is one unstable region, in whichever side it changed.
"""

from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

from mcp_server.domain.line_diffs import align


class Region(NamedTuple):
    """A place in the base and where it is on both sides; a stable one is equal in all three."""

    base: slice
    ours: slice
    theirs: slice
    is_stable: bool


class _Change(NamedTuple):
    """A stretch of the base that one side replaced, and by how much that made the side longer."""

    start: int
    end: int
    ours_grew: int
    theirs_grew: int


def cut_regions(
    base: Sequence[Hashable], ours: Sequence[Hashable], theirs: Sequence[Hashable]
) -> Iterator[Region]:
    """Yield the regions in order, none of them empty; together they are all three sequences.

    Changes that touch are one region, since nothing stable stands between them. How finely a side
    is compared with the base, and so the time it takes, is bounded as in `align`.
    """
    was = mine = other = 0
    for change in _joined(_changes(base, ours, theirs)):
        kept = change.start - was
        yield from _stable(was, mine, other, kept)
        mine, other = mine + kept, other + kept
        length = change.end - change.start
        ours_end = mine + length + change.ours_grew
        theirs_end = other + length + change.theirs_grew
        place = slice(change.start, change.end)
        yield Region(place, slice(mine, ours_end), slice(other, theirs_end), is_stable=False)
        was, mine, other = change.end, ours_end, theirs_end
    yield from _stable(was, mine, other, len(base) - was)


def _changes(
    base: Sequence[Hashable], ours: Sequence[Hashable], theirs: Sequence[Hashable]
) -> list[_Change]:
    """Return what both sides changed, in the order of the base."""
    mine = [_Change(i, j, (m - k) - (j - i), 0) for i, j, k, m in align(base, ours)]
    other = [_Change(i, j, 0, (m - k) - (j - i)) for i, j, k, m in align(base, theirs)]
    return sorted(mine + other)


def _joined(changes: Sequence[_Change]) -> Iterator[_Change]:
    """Make one change of those that overlap or touch."""
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
