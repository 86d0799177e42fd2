import pytest

from mcp_server.domain.patterns import (
    MAX_MATCHED,
    Comparison,
    Verdict,
    VerdictKind,
    declaration_fault,
    length_fault,
    pattern_fault,
    value_fault,
)
from tests.support.judging import verdicts_on


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
    comparison = Comparison(pattern, value)
    verdict = verdicts_on([comparison])[comparison]
    assert (value_fault(comparison, verdict) is None) == matches


def test_counts_that_stand_side_by_side_do_not_multiply():
    assert pattern_fault(r"[\w.%+-]{1,64}@[a-z0-9-]{1,255}(\.[a-z0-9-]{1,63}){1,3}") is None


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
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
def test_a_pattern_that_is_not_worth_a_comparison_is_refused(pattern, said):
    assert said in (pattern_fault(pattern) or "")


@pytest.mark.parametrize("pattern", ["(", "[z-a]", "(?<n", r"\p{nothing}", "*"])
def test_what_is_no_regular_expression_is_refused(pattern):
    comparison = Comparison(pattern)
    fault = declaration_fault(pattern, verdicts_on([comparison])[comparison]) or ""
    assert fault.startswith(f"has the pattern '{pattern}', which is no regular expression: ")


OVER = "the 250 ms of a request for all its patterns were over"


@pytest.mark.parametrize(
    ("verdict", "of_declaration", "of_value"),
    [
        (Verdict("match"), None, None),
        (Verdict("mismatch"), None, "has to match 'a+', and 'b' doesn't"),
        (
            Verdict("invalid", "why"),
            "has the pattern 'a+', which is no regular expression: why",
            "can't be compared with 'a+': why; mend the pattern",
        ),
        (
            Verdict("large"),
            "has the pattern 'a+', which takes too much memory; simplify it",
            "takes too much memory to be compared with 'a+'; simplify the pattern",
        ),
        (
            Verdict("slow"),
            "has the pattern 'a+', which takes too long; simplify it",
            "takes too long to be compared with 'a+'; simplify the pattern",
        ),
        (
            Verdict("unreached"),
            f"has the pattern 'a+', which wasn't looked at: {OVER}",
            f"wasn't compared with 'a+': {OVER}",
        ),
    ],
    ids=lambda each: each.kind if isinstance(each, Verdict) else "",
)
def test_each_verdict_has_its_sentences(verdict, of_declaration, of_value):
    assert declaration_fault("a+", verdict) == of_declaration
    assert value_fault(Comparison("a+", "b"), verdict) == of_value


def test_every_kind_of_verdict_has_a_sentence_or_is_a_match():
    comparison = Comparison("a", "b")
    faults = {kind: value_fault(comparison, Verdict(kind)) for kind in VerdictKind.__args__}
    assert [kind for kind, fault in faults.items() if fault is None] == ["match"]


def test_a_long_value_is_not_compared():
    assert length_fault("a" * MAX_MATCHED) is None
    assert length_fault("a" * (MAX_MATCHED + 1)) == (
        "has 1,001 characters; with a pattern at most 1,000 are allowed; shorten it"
    )
