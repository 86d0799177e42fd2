import time

import pytest

from mcp_server.domain.patterns import MAX_MATCHED, mismatch, pattern_fault


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        ("[a-z]+", "abc", True),
        ("[a-z]+", "abc1", False),
        ("a|ab", "ab", True),
        (r"\d{4}-\d{2}", "2026-11", True),
        (r"\d{4}-\d{2}", "x2026-11", False),
        ("(?i)YES|NO", "yes", True),
        (r"[^@\s]+@[^@\s]+", "ada@example.org", True),
        (r"(.)\1", "aa", True),
        ("", "", True),
    ],
)
def test_a_value_matches_as_a_whole_or_not_at_all(pattern, value, matches):
    assert pattern_fault(pattern) is None
    assert (mismatch(pattern, value) is None) == matches


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|aa)+b", "(a*)*b", "(.*)*x", "a{0,9}" * 4 + "b"])
def test_no_pattern_runs_away(pattern):
    assert pattern_fault(pattern) is None
    began = time.process_time()
    assert mismatch(pattern, "a" * MAX_MATCHED) is not None
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:" + "a?" * 230 + "){43}",
        "(?i)(?:" + "|".join(f"x{i}" for i in range(100)) + "){40}",
        "(?:" + "(a)" * 150 + "){43}",
        "(?:" + r"[\s\S]" * 70 + "){40}",
    ],
)
def test_no_pattern_takes_long_to_compile(pattern):
    began = time.process_time()
    assert pattern_fault(pattern) is None
    assert time.process_time() - began < 1


def test_counts_that_stand_side_by_side_do_not_multiply():
    assert pattern_fault(r"[\w.%+-]{1,64}@[a-z0-9-]{1,255}(\.[a-z0-9-]{1,63}){1,3}") is None


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(", "which is no regular expression"),
        ("[z-a]", "which is no regular expression"),
        ("a" * 501, "a pattern of 501 characters"),
        ("(?:x{9999}){9999}", "longer than 20,000 characters; use smaller counts, or '*' and '+'"),
        ("(?:" + "a?" * 230 + "){10000}", "longer than 20,000 characters"),
        ("(?x)(?:" + "a?" * 230 + ") {10000}", "longer than 20,000 characters"),
        ("(?:a" + "{9}" * 40 + ")", "longer than 20,000 characters"),
        ("a{" + "9" * 400 + "}", "longer than 20,000 characters"),
        ("(?R)", "which refers to itself"),
        ("(?<n>a)(?&n)", "which refers to itself"),
        ("(?(DEFINE)(?<q>x))", "which refers to itself"),
    ],
)
def test_a_pattern_that_can_not_be_used_is_refused(pattern, said):
    assert said in (pattern_fault(pattern) or "")


def test_a_long_value_is_not_compared():
    assert mismatch("a*", "a" * (MAX_MATCHED + 1)) == (
        "has 1,001 characters; with a pattern at most 1,000 are allowed; shorten it"
    )
