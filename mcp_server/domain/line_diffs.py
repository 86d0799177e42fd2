"""Differences between sequences and between texts, in time bounded by their size."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence

MAX_WORK = 4_000_000
"""Estimated steps of one comparison; a change that needs more is shown as a whole."""

_CONTEXT = 3
_NO_NEWLINE = "\\ No newline at end of file\n"

Block = tuple[int, int, int, int]
"""Start and end of a change in the old sequence, then in the new one."""


def align(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[Block]:
    """Return the blocks that differ, in order; a change too costly to refine is one block.

    Items that occur once in both are matched first, which is quick and reads well (a patience
    diff); only the gaps between them are compared in full.
    """
    blocks: list[Block] = []
    budget = MAX_WORK
    pending = [(0, len(old), 0, len(new))]
    while pending:
        i, j, k, m = block = _trimmed(old, new, pending.pop())
        if set(old[i:j]).isdisjoint(new[k:m]):
            blocks += [block] if i < j or k < m else []
            continue
        budget -= j - i + m - k
        gaps = _gaps(old, new, block) if budget > 0 else []
        if gaps:
            pending += reversed(gaps)
            continue
        work = _work(old[i:j], new[k:m])
        refined = work <= budget
        budget -= work if refined else 0
        blocks += _refine(old, new, block) if refined else [block]
    return blocks


def unified_diff(old: str, new: str) -> str:
    """Return the hunks of a unified diff by lines; '' if the texts are equal.

    A change too costly to compare in full is replaced as a whole; the patch is valid either way.
    """
    before, after = _lines(old), _lines(new)
    groups = _hunks(align(before, after))
    return "".join(line for group in groups for line in _write_hunk(group, before, after))


def _lines(text: str) -> list[str]:
    """Split at line feeds only, as patches do."""
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _trimmed(old: Sequence[Hashable], new: Sequence[Hashable], block: Block) -> Block:
    """Strip the equal items from both ends of a block."""
    i, j, k, m = block
    while i < j and k < m and old[i] == new[k]:
        i, k = i + 1, k + 1
    while i < j and k < m and old[j - 1] == new[m - 1]:
        j, m = j - 1, m - 1
    return i, j, k, m


def _gaps(old: Sequence[Hashable], new: Sequence[Hashable], block: Block) -> list[Block]:
    """Return the gaps between the anchors of a block; empty if it has no anchors."""
    i, j, k, m = block
    before, after = Counter(old[i:j]), Counter(new[k:m])
    places = {item: at for at, item in enumerate(new[k:m], k) if after[item] == 1}
    pairs = [
        (at, places[item])
        for at, item in enumerate(old[i:j], i)
        if before[item] == 1 and item in places
    ]
    anchors = _rising(pairs)
    starts = [(i, k), *((at + 1, place + 1) for at, place in anchors)]
    ends = [*anchors, (j, m)]
    gaps = [(i, j, k, m) for (i, k), (j, m) in zip(starts, ends, strict=True)]
    return gaps if anchors else []


def _rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return a longest run of pairs that increases on both sides (patience sorting)."""
    tops: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, (_, place) in enumerate(pairs):
        pile = bisect_left(tops, place)
        before.append(ends[pile - 1] if pile else -1)
        tops[pile : pile + 1] = [place]
        ends[pile : pile + 1] = [index]
    run = []
    index = ends[-1] if ends else -1
    while index >= 0:
        run.append(pairs[index])
        index = before[index]
    return run[::-1]


def _work(old: Sequence[Hashable], new: Sequence[Hashable]) -> int:
    """Estimate the steps of a full comparison."""
    counts = Counter(new)
    pairs = [counts[item] for item in old]
    matching = sum(1 for count in pairs if count)
    return (sum(pairs) + len(old)) * matching.bit_length()


def _refine(old: Sequence[Hashable], new: Sequence[Hashable], block: Block) -> list[Block]:
    """Compare a block in full."""
    # Loaded here: the import is slow, and the server starts without comparing anything.
    from difflib import SequenceMatcher

    i, j, k, m = block
    matcher = SequenceMatcher(None, old[i:j], new[k:m], autojunk=False)
    return [
        (i + start, i + end, k + new_start, k + new_end)
        for kind, start, end, new_start, new_end in matcher.get_opcodes()
        if kind != "equal"
    ]


def _hunks(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Group blocks whose contexts touch."""
    group: list[Block] = []
    for block in blocks:
        if group and block[0] - group[-1][1] > 2 * _CONTEXT:
            yield group
            group = []
        group.append(block)
    if group:
        yield group


def _write_hunk(group: Sequence[Block], old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    lead = min(_CONTEXT, group[0][0])
    trail = min(_CONTEXT, len(old) - group[-1][1])
    old_start, new_start = group[0][0] - lead, group[0][2] - lead
    old_end, new_end = group[-1][1] + trail, group[-1][3] + trail
    yield f"@@ -{_range(old_start, old_end)} +{_range(new_start, new_end)} @@\n"
    position = old_start
    for i, j, k, m in group:
        yield from (_line(" ", line) for line in old[position:i])
        yield from (_line("-", line) for line in old[i:j])
        yield from (_line("+", line) for line in new[k:m])
        position = j
    yield from (_line(" ", line) for line in old[position:old_end])


def _range(start: int, end: int) -> str:
    """Write a hunk's range as in patches: lines count from 1; if empty, it is the line before."""
    length = end - start
    if length == 1:
        return f"{start + 1}"
    return f"{start + 1 if length else start},{length}"


def _line(mark: str, line: str) -> str:
    return f"{mark}{line}" if line.endswith("\n") else f"{mark}{line}\n{_NO_NEWLINE}"
