import re
import shutil
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_server.domain.regions import cut_regions
from tests.support.effort import examples
from tests.support.processes import run

_ITEMS = st.lists(st.sampled_from("abcdefg"), max_size=14)
_DIFF3 = shutil.which("diff3")
_HUNK = re.compile(r"^([123]):(\d+)(?:,(\d+))?([ac])$")


@st.composite
def _edited(draw) -> tuple[list[str], list[str], list[str]]:
    """A base whose lines are all different, and two sides that drop and add lines of their own.

    Of such sequences there is but one longest common subsequence, so that every tool that is right
    has to find the same regions.
    """
    base = [f"line {number}" for number in range(draw(st.integers(0, 12)))]

    def side(name: str) -> list[str]:
        lines = []
        for place in range(len(base) + 1):
            lines += [
                f"{name} {place}.{more}" for more in range(draw(st.sampled_from((0, 0, 0, 1, 2))))
            ]
            lines += base[place : place + 1] if draw(st.sampled_from((True, True, False))) else []
        return lines

    return base, side("ours"), side("theirs")


def _regions(base, ours, theirs) -> list[tuple[list[str], list[str], list[str], bool]]:
    return [
        (base[each.base], ours[each.ours], theirs[each.theirs], each.is_stable)
        for each in cut_regions(base, ours, theirs)
    ]


def test_lines_that_both_kept_are_stable_and_what_stands_between_them_is_not():
    # The example of the paper that the module names.
    base, ours, theirs = [1, 2, 3, 4, 5, 6], [1, 4, 5, 2, 3, 6], [1, 2, 4, 5, 3, 6]
    cut = list(cut_regions(base, ours, theirs))
    assert (cut[0].is_stable, cut[-1].is_stable) == (True, True)
    assert base[cut[0].base] == [1]
    assert base[cut[-1].base] == [6]


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "expected"),
    [
        ("", "", "", []),
        ("abc", "abc", "abc", [("abc", "abc", "abc", True)]),
        ("", "x", "y", [("", "x", "y", False)]),
        ("abc", "Abc", "abc", [("a", "A", "a", False), ("bc", "bc", "bc", True)]),
        (
            "abc",
            "abC",
            "Abc",
            [
                ("a", "a", "A", False),
                ("b", "b", "b", True),
                ("c", "C", "c", False),
            ],
        ),
        # Nothing stands between changes of neighbours.
        ("ab", "Ab", "aB", [("ab", "Ab", "aB", False)]),
        # An insertion touches what is changed before and behind it.
        ("ab", "axb", "aB", [("a", "a", "a", True), ("b", "xb", "B", False)]),
        ("ab", "axb", "Ab", [("a", "ax", "A", False), ("b", "b", "b", True)]),
        ("abcd", "d", "abXcd", [("abc", "", "abXc", False), ("d", "d", "d", True)]),
    ],
)
def test_regions_are_cut_where_all_agree(base, ours, theirs, expected):
    cut = _regions(*(list(side) for side in (base, ours, theirs)))
    assert [(*("".join(side) for side in sides), stable) for *sides, stable in cut] == expected


@given(_ITEMS, _ITEMS, _ITEMS)
def test_regions_are_the_three_sequences_in_order(base, ours, theirs):
    cut = _regions(base, ours, theirs)
    for number, whole in enumerate((base, ours, theirs)):
        assert [item for each in cut for item in each[number]] == whole
    for was, mine, other, stable in cut:
        assert was or mine or other
        assert stable == (was == mine == other)
    # Two of a kind in a row would be one.
    kinds = [stable for *_, stable in cut]
    assert all(first != second for first, second in pairwise(kinds))


@given(_ITEMS, _ITEMS, _ITEMS)
def test_the_sides_can_change_places(base, ours, theirs):
    swapped = [
        (was, other, mine, stable) for was, mine, other, stable in _regions(base, ours, theirs)
    ]
    assert _regions(base, theirs, ours) == swapped


@pytest.mark.skipif(_DIFF3 is None, reason="there is no diff3 program")
@settings(max_examples=examples(60), deadline=None)
@given(_edited())
def test_unstable_regions_are_those_of_the_program_diff3(tmp_path_factory, edited):
    base, ours, theirs = edited
    ranges = [
        tuple((side.start, side.stop) for side in (each.ours, each.base, each.theirs))
        for each in cut_regions(base, ours, theirs)
        if not each.is_stable
    ]
    assert ranges == _of_diff3(tmp_path_factory.mktemp("diff3"), ours, base, theirs)


def _of_diff3(folder, *sides: list[str]) -> list[tuple[tuple[int, int], ...]]:
    """Return where diff3 sees changes, as its three ranges of each; empty ones by their place."""
    files = []
    for name, lines in zip(("ours", "base", "theirs"), sides, strict=True):
        files.append(folder / name)
        files[-1].write_text("".join(f"{line}\n" for line in lines))
    done = run([_DIFF3, *files], text=True, check=True)
    hunks: list[dict[str, tuple[int, int]]] = []
    for line in done.stdout.splitlines():
        if line.startswith("===="):
            hunks.append({})  # it tells of the files in an order of its own
        elif found := _HUNK.match(line):
            first, last = int(found[2]), int(found[3] or found[2])
            hunks[-1][found[1]] = (last, last) if found[4] == "a" else (first - 1, last)
    return [tuple(places for _, places in sorted(hunk.items())) for hunk in hunks]
