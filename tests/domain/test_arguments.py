from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.domain.arguments import (
    Bound,
    bind_arguments,
    check_patterns,
    declared_comparisons,
    given_comparisons,
    merge_arguments,
)
from mcp_server.domain.patterns import Comparison, Verdict
from storage.values.entities import Argument
from storage.values.errors import Invalid
from tests.support.judging import verdicts_on


def bind_one(value: object, **declared: Any) -> str:
    arguments, given_values = [Argument("a", **declared)], {"a": value}
    verdicts = verdicts_on(given_comparisons(arguments, given_values))
    bound = bind_arguments(arguments, given_values, allow_unknown=False, verdicts=verdicts)
    return bound.values["a"]


def test_what_a_template_uses_is_a_required_text() -> None:
    assert merge_arguments(["b", "a"], []) == (Argument("b"), Argument("a"))


def test_required_arguments_come_first_then_in_order_of_declaration_then_of_use() -> None:
    declared = [Argument("d", default="x"), Argument("c"), Argument("o", required=False)]
    merged = merge_arguments(["z", "c", "d"], declared)
    assert [argument.name for argument in merged] == ["c", "z", "d", "o"]
    assert [argument.required for argument in merged] == [True, True, False, False]


def test_a_declared_argument_that_is_not_used_is_kept() -> None:
    assert merge_arguments([], [Argument("tone", description="how")])[0].description == "how"


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        (Argument("1a"), "is no identifier"),
        (Argument(""), "is no identifier"),
        (Argument("a" * 65), "has a name of 65 characters"),
        (Argument("a\u200cb"), "has an invisible joiner (U+200C or U+200D) in its name"),
        (Argument("a", type="colour"), "unknown type 'colour'"),  # type: ignore[arg-type]
        (Argument("a", type="enum"), "an enum without choices"),
        (Argument("a", choices=("x", "")), "an empty choice"),
        (Argument("a", type="integer", choices=("x",)), "has the choice 'x'"),
        (Argument("a", type="integer", default="x"), "has the default 'x'"),
        (Argument("a", type="enum", choices=("x",), default="y"), "has to be one of 'x', not 'y'"),
        (Argument("a", pattern="("), "which is no regular expression"),
        (Argument("a", pattern="x" * 501), "a pattern of 501 characters"),
        (Argument("a", pattern="[a-z]+", default="A"), "has to match '[a-z]+', and 'A' doesn't"),
        (Argument("a", pattern="(", default="A"), "which is no regular expression"),
        (Argument("a", pattern="a+", default="a" * 1_001), "but it has 1,001 characters"),
        (Argument("a", type="integer", pattern="9", default="x"), "but it has to be a whole"),
        (Argument("a", description="\0"), "its 'description' has a NUL"),
        (Argument("a", choices=("x\ud800",)), "its 'choices' has a lone surrogate"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(argument: Argument, said: str) -> None:
    verdicts = verdicts_on(declared_comparisons([argument]))
    with pytest.raises(Invalid) as refused:
        merge_arguments([], [argument], verdicts)
    assert said in refused.value.message
    assert len(refused.value.fields) == 1


def test_all_declarations_at_fault_are_named_at_once() -> None:
    declared = [Argument("a", type="enum"), Argument("b"), Argument("b"), Argument("c!")]
    with pytest.raises(Invalid) as refused:
        merge_arguments(["d"], declared)
    assert set(refused.value.fields) == {"arguments.a", "arguments.b", "arguments.c!"}
    assert all(f"'{name}'" in refused.value.message for name in ("a", "b", "c!"))


def test_too_many_arguments_are_refused() -> None:
    with pytest.raises(Invalid, match="has 257 arguments"):
        merge_arguments([f"a{n}" for n in range(257)], [])


@pytest.mark.parametrize(
    ("value", "declared", "written"),
    [
        ("$1", {}, "$1"),
        (" x ", {}, " x "),
        (3, {}, "3"),
        (True, {}, "true"),
        (2.5, {}, "2.5"),
        (3, {"type": "integer"}, "3"),
        (3.0, {"type": "integer"}, "3"),
        (" -3 ", {"type": "integer"}, "-3"),
        (3, {"type": "number"}, "3"),
        ("1e3", {"type": "number"}, "1e3"),
        (False, {"type": "boolean"}, "false"),
        ("TRUE", {"type": "boolean"}, "true"),
        ({"b": ["é", None]}, {"type": "json"}, '{"b": ["é", null]}'),
        ("[1]", {"type": "json"}, "[1]"),
        (2, {"type": "enum", "choices": ("1", "2")}, "2"),
        ("", {"required": False}, ""),
        (None, {"default": "d"}, "d"),
        ("", {"default": "d", "required": False}, "d"),
        ("abc", {"pattern": "[a-c]+"}, "abc"),
    ],
)
def test_a_value_is_written_as_text(value: object, declared: dict[str, Any], written: str) -> None:
    if "default" in declared:
        declared = {**declared, "required": False}
    assert bind_one(value, **declared) == written


@pytest.mark.parametrize(
    ("value", "declared", "said"),
    [
        (None, {}, "is missing"),
        ("", {}, "is missing"),
        ([], {}, "has to be text, not '[]'"),
        ("x", {"type": "integer"}, "a whole number such as 3, not 'x'"),
        ("٣", {"type": "integer"}, "a whole number"),
        (3.5, {"type": "integer"}, "a whole number"),
        (True, {"type": "integer"}, "a whole number such as 3, not 'true'"),
        ("1,5", {"type": "number"}, "a number such as 2.5"),
        ("nan", {"type": "number"}, "a number such as 2.5"),
        (float("inf"), {"type": "number"}, "a number such as 2.5, not 'inf'"),
        (10**5000, {"type": "integer"}, "a whole number"),
        ("yes", {"type": "boolean"}, "true or false, not 'yes'"),
        (1, {"type": "boolean"}, "true or false, not '1'"),
        ("{", {"type": "json"}, "has to be JSON"),
        ("NaN", {"type": "json"}, "has to be JSON"),
        ("[" * 100_000, {"type": "json"}, "has to be JSON"),
        ({1, 2}, {"type": "json"}, "has to be JSON"),
        ("z", {"type": "enum", "choices": ("x", "y")}, "has to be one of 'x', 'y', not 'z'"),
        ("z", {"choices": tuple(map(str, range(12)))}, "'9', …, not 'z'"),
        ("abc1", {"pattern": "[a-c]+"}, "has to match '[a-c]+', and 'abc1' doesn't"),
        ("a" * 1_001, {"pattern": "a*"}, "with a pattern at most 1,000"),
        ("a\0", {}, "has a NUL (U+0000) at position 1"),
        ("\ud800", {"type": "json"}, "has a lone surrogate"),
        ({"a": "\ud800"}, {"type": "json"}, "has a lone surrogate"),
    ],
    ids=range(24),
)
def test_a_value_that_does_not_fit_is_refused(
    value: object, declared: dict[str, Any], said: str
) -> None:
    with pytest.raises(Invalid) as refused:
        bind_one(value, **declared)
    assert said in refused.value.message
    assert set(refused.value.fields) == {"a"}
    assert len(refused.value.message) < 300


def test_everything_wrong_is_named_at_once() -> None:
    arguments = [Argument("city"), Argument("days", type="integer"), Argument("tone")]
    given_values = {"days": "two", "tome": "x", "tone": ""}
    with pytest.raises(Invalid) as refused:
        bind_arguments(arguments, given_values, allow_unknown=False)
    assert refused.value.message == (
        "The prompt can't be rendered: 'city' is missing; 'days' has to be a whole number such as "
        "3, not 'two'; 'tone' is missing; 'tome' is unknown. Did you mean 'tone'?"
    )
    assert refused.value.fields == {
        "city": "Is missing.",
        "days": "Has to be a whole number such as 3, not 'two'.",
        "tone": "Is missing.",
        "tome": "Is unknown. Did you mean 'tone'?",
    }


def test_unknown_arguments_may_be_ignored() -> None:
    bound = bind_arguments([Argument("a")], {"a": "1", "x": 2, "y": ""}, allow_unknown=True)
    assert bound == Bound({"a": "1"}, ("x", "y"))


def test_a_prompt_without_arguments_says_so() -> None:
    with pytest.raises(Invalid, match="'x' is unknown: the prompt takes no arguments"):
        bind_arguments([], {"x": "1"}, allow_unknown=False)


def test_what_has_to_be_compared_is_named_before_anything_is_kept() -> None:
    declared = [
        Argument("a", pattern="a+", default="aa"),
        Argument("b", pattern="b+"),
        Argument("c", default="c"),
        Argument("d", pattern="d" * 501),
        Argument("e", type="integer", pattern="[0-9]", default="x"),
        Argument("f", pattern="f*", default="f" * 1_001),
        Argument("g", type="number", pattern="[0-9]", default="2"),
    ]
    assert declared_comparisons(declared) == [
        Comparison("a+", "aa"),
        Comparison("b+"),
        Comparison("[0-9]"),
        Comparison("f*"),
        Comparison("[0-9]", "2"),
    ]


def test_no_more_is_compared_than_arguments_are_allowed() -> None:
    declared = [Argument(f"a{n}", pattern=f"a{n}") for n in range(300)]
    assert len(declared_comparisons(declared)) == 256


def test_only_values_that_fit_otherwise_are_compared() -> None:
    arguments = [
        Argument("a", pattern="a+"),
        Argument("b", pattern="b+", choices=("b",)),
        Argument("c", type="integer", pattern="[0-9]"),
        Argument("d", pattern="d+", required=False),
        Argument("e"),
        Argument("f", pattern="f*"),
        Argument("g", type="json", pattern=r"\[.*\]"),
    ]
    values = {"a": "aa", "b": "bb", "c": "x", "d": "", "e": "e", "f": "f" * 1_001, "g": [1]}
    assert given_comparisons(arguments, values) == [
        Comparison("a+", "aa"),
        Comparison(r"\[.*\]", "[1]"),
    ]


def test_a_verdict_that_nobody_asked_for_is_no_match() -> None:
    with pytest.raises(KeyError):
        bind_arguments([Argument("a", pattern="a")], {"a": "a"}, allow_unknown=False)


def test_patterns_that_were_not_done_in_time_are_named_with_all_else() -> None:
    arguments = [
        Argument("a", pattern="a+"),
        Argument("b", pattern="b+"),
        Argument("c", pattern="c+"),
        Argument("d", pattern="d+"),
        Argument("e"),
    ]
    values = {"a": "a", "b": "x", "c": "c", "d": "d", "f": "f"}
    verdicts = {
        Comparison("a+", "a"): Verdict("match"),
        Comparison("b+", "x"): Verdict("mismatch"),
        Comparison("c+", "c"): Verdict("slow"),
        Comparison("d+", "d"): Verdict("unreached"),
    }
    with pytest.raises(Invalid) as refused:
        bind_arguments(arguments, values, allow_unknown=False, verdicts=verdicts)
    assert refused.value.fields == {
        "b": "Has to match 'b+', and 'x' doesn't.",
        "c": "Takes too long to be compared with 'c+'; simplify the pattern.",
        "d": "Wasn't compared with 'd+': the 250 ms of a request for all its patterns were over.",
        "e": "Is missing.",
        "f": "Is unknown. The prompt takes 'a', 'b', 'c', 'd', 'e'.",
    }


def test_declarations_that_were_not_done_in_time_are_named_with_all_else() -> None:
    declared = [
        Argument("a", pattern="a+", default="a"),
        Argument("b", pattern="b+", default="b"),
        Argument("c", pattern="c+", default="x"),
        Argument("d", pattern="d+"),
        Argument("e", type="enum"),
    ]
    verdicts = {
        Comparison("a+", "a"): Verdict("match"),
        Comparison("b+", "b"): Verdict("slow"),
        Comparison("c+", "x"): Verdict("mismatch"),
        Comparison("d+"): Verdict("unreached"),
    }
    faults = {
        "arguments.b": "Has the pattern 'b+', which takes too long; simplify it.",
        "arguments.c": "Has the default 'x', but it has to match 'c+', and 'x' doesn't.",
        "arguments.d": "Has the pattern 'd+', which wasn't looked at: the 250 ms of a request for "
        "all its patterns were over.",
    }
    with pytest.raises(Invalid) as refused:
        merge_arguments([], declared, verdicts)
    enum = {"arguments.e": "Is an enum without choices; list them or make it a string."}
    assert refused.value.fields == faults | enum
    with pytest.raises(Invalid) as refused:
        check_patterns(declared, verdicts)
    assert refused.value.fields == faults


def test_declarations_whose_patterns_hold_are_fine() -> None:
    declared = [Argument("a", pattern="a+", default="a"), Argument("b")]
    check_patterns(declared, verdicts_on(declared_comparisons(declared)))


@given(
    st.dictionaries(
        st.sampled_from("abcd"),
        st.none() | st.text(alphabet="1.-e ", max_size=4) | st.integers() | st.floats(),
    )
)
def test_binding_gives_every_argument_a_text_or_refuses(values: dict[str, object]) -> None:
    arguments = [Argument("a"), Argument("b", type="number", required=False)]
    faults: set[str] = set()
    try:
        bound = bind_arguments(arguments, values, allow_unknown=True)
    except Invalid as error:
        faults = set(error.fields)
    else:
        assert list(bound.values) == ["a", "b"]
        assert set(bound.ignored) == set(values) - {"a", "b"}
        assert all(isinstance(value, str) for value in bound.values.values())
    assert faults <= {"a", "b"}


def test_a_blank_whose_name_is_too_long_is_refused_without_a_declaration() -> None:
    with pytest.raises(Invalid, match="has a name of 65 characters; at most 64 are allowed"):
        merge_arguments(["a" * 65], [])


def test_one_name_in_two_forms_is_given_twice() -> None:
    given_values = {"\u00e9": "a", "e\u0301": "b", "c": "d"}
    with pytest.raises(Invalid) as refused:
        bind_arguments([Argument("\u00e9"), Argument("c")], given_values, allow_unknown=False)
    assert set(refused.value.fields) == {"\u00e9"}
    assert "is given twice, in two forms that look alike; give it once" in refused.value.message


def test_only_values_for_patterns_are_compared():
    arguments = [Argument("free"), Argument("code", pattern="[a-z]+")]
    assert given_comparisons(arguments, {"free": "x"}) == []
    assert given_comparisons(arguments, {"code": None}) == []
    assert given_comparisons(arguments, {"code": ""}) == []
    assert given_comparisons(arguments, {"free": "x", "code": "y"}) == [Comparison("[a-z]+", "y")]
