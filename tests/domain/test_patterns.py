import re
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mcp_server.domain.patterns import MAX_MATCHED, mismatch, pattern_fault

ATOMS = [
    "a",
    "b",
    "ab",
    ".",
    r"\d",
    r"\W",
    "[a-c]",
    "[^a]",
    r"[\w-]",
    r"\.",
    "$",
    "^",
    r"\b",
    "[^\\d]",
]
PATTERNS = st.recursive(
    st.sampled_from(ATOMS),
    lambda each: st.one_of(
        st.lists(each, max_size=3).map("".join),
        st.lists(each, min_size=2, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        st.builds(
            "(?:{}){}".format,
            each,
            st.sampled_from(["*", "+", "?", "*?", "{2}", "{1,3}", "{0,2}?", "{2,}"]),
        ),
    ),
    max_leaves=6,
)
VALUES = st.text(alphabet="abcA1 -.\né", max_size=6)


@given(PATTERNS, VALUES, st.sampled_from(["", "(?i)", "(?s)"]))
def test_a_value_matches_as_it_does_in_the_standard_library(
    pattern: str, value: str, flags: str
) -> None:
    # 3.14 changed what \b means beside nothing; the rest has to be the same.
    assume(value)
    expected = re.fullmatch(flags + pattern, value) is not None
    assert (mismatch(flags + pattern, value) is None) == expected


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        ("[a-z0-9]+(-[a-z0-9]+)*", "a-kebab-case-1", True),
        ("[a-z0-9]+(-[a-z0-9]+)*", "a--b", False),
        (r"\d{4}-\d{2}-\d{2}", "2026-11-23", True),
        (r"[^@\s]+@[^@\s]+\.[a-z]{2,}", "ann@example.org", True),
        (r"\w+", "名前é_1", True),
        ("(?i)straße|YES", "yes", True),
        ("(?x) a  b # two letters", "ab", True),
        ("a(?i:b)c", "aBc", True),
        ("a(?i:b)c", "aBC", False),
        ("", "", True),
        ("", "a", False),
        ("ab", "abc", False),
    ],
)
def test_common_patterns_work(pattern: str, value: str, matches: bool) -> None:
    assert pattern_fault(pattern) is None
    assert (mismatch(pattern, value) is None) == matches


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+b", "(a|aa)+b", "(a|a)*b", "(.*)*b", "a*a*a*a*a*b", "(a?){200}a{200}b", "((a*)*)*b"],
)
def test_no_pattern_runs_away(pattern: str) -> None:
    start = time.process_time()
    assert pattern_fault(pattern) is None
    assert mismatch(pattern, "a" * MAX_MATCHED) is not None
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(", "no regular expression"),
        ("a{99999999999999999999}", "no regular expression"),
        ("(?P<x>a)(?P=x)", "it refers back"),
        (r"(a)\1", "it refers back"),
        ("a(?=b)", "looks around"),
        ("(?<!a)b", "looks around"),
        ("a++", "is possessive"),
        ("(?>a)", "is possessive"),
        ("(?m)^a$", "a flag other than i, s and x"),
        ("((a{100}){100}){100}", "it is too large"),
        ("a" * 501, "a pattern of 501 characters"),
    ],
)
def test_a_pattern_that_can_not_be_used_is_refused(pattern: str, said: str) -> None:
    assert said in (pattern_fault(pattern) or "")


def test_the_mismatch_quotes_both() -> None:
    assert mismatch("a+", "b") == "has to match 'a+', and 'b' doesn't"
    assert mismatch("a*", "a" * 1_001) == (
        "has 1,001 characters; with a pattern at most 1,000 are allowed"
    )
