from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mcp_server.domain.word_diffs import Segment, word_diff, write_words

TEXTS = st.lists(
    st.sampled_from(["one", "two", "three", " ", "  ", "\n", ".", "{{a}}", "é", "\r\n", "\u2028"]),
    max_size=20,
).map("".join)


def _side(segments, kind):
    return "".join(each.text for each in segments if each.kind in ("equal", kind))


@given(TEXTS, TEXTS)
def test_the_runs_make_both_texts(old, new):
    segments = word_diff(old, new)
    assert _side(segments, "removed") == old
    assert _side(segments, "added") == new


@given(TEXTS, TEXTS)
def test_no_run_is_empty_and_neighbours_differ_in_kind(old, new):
    segments = word_diff(old, new)
    assert all(each.text for each in segments)
    assert all(a.kind != b.kind for a, b in pairwise(segments))


def test_only_the_word_that_changed_is_told():
    assert word_diff("Be kind and brief.\n", "Be kind and exact.\n") == (
        Segment("equal", "Be kind and "),
        Segment("removed", "brief"),
        Segment("added", "exact"),
        Segment("equal", ".\n"),
    )


def test_written_words_carry_marks():
    assert write_words(word_diff("Be brief.", "Be very brief.")) == "Be {+very +}brief.\n"


def test_what_stands_far_from_a_change_is_left_out():
    lines = [f"line {number}\n" for number in range(40)]
    changed = [*lines[:20], "line twenty\n", *lines[21:]]
    written = write_words(word_diff("".join(lines), "".join(changed)))
    assert "line [-20-]{+twenty+}\n" in written
    assert "line 19\n" in written
    assert "line 21\n" in written
    assert "line 5\n" not in written
    assert "line 35\n" not in written


def test_of_very_long_changes_the_rest_is_compared_by_lines() -> None:
    lines = [f"line {number} is like this\n" for number in range(20_000)]
    old, new = "".join(lines), "".join(line.replace("like", "as") for line in lines)
    segments = word_diff(old, new)
    assert "".join(each.text for each in segments if each.kind != "added") == old
    assert "".join(each.text for each in segments if each.kind != "removed") == new
    near = "".join(lines[:10]) + "".join(line.replace("like", "as") for line in lines[10:])
    assert len(word_diff(near, new)) > 10
