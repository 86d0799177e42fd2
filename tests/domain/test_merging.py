import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.domain.drafts import make_draft
from mcp_server.domain.merging import merge_drafts, write_conflicts
from storage.values.entities import Argument, Draft, ImageContent, Message, TextContent

_LINE = st.text(st.characters(exclude_characters="\n", exclude_categories=("Cs",)), max_size=5)
_TEXT = st.lists(_LINE | st.sampled_from("abc"), max_size=12).map("\n".join)


def _draft(text: str = "x", **fields) -> Draft:
    return make_draft(template=text, **fields)


def _plain(text: str) -> Draft:
    return Draft((Message("user", TextContent(text)),), template_format="text")


def _text(merge) -> str:
    return merge.draft.messages[0].content.text


def _conversation(*texts: str) -> Draft:
    return make_draft(messages=[Message("user", TextContent(text)) for text in texts])


def test_changes_of_different_lines_are_both_kept():
    merge = merge_drafts(_draft("a\nb\nc\nd"), _draft("A\nb\nc\nd"), _draft("a\nb\nc\nD\ne"))
    assert _text(merge) == "A\nb\nc\nD\ne"
    assert merge.conflicts == ()


def test_a_text_without_a_last_newline_gains_none():
    merge = merge_drafts(_draft("a\nb\n"), _draft("a\nb"), _draft("A\nb\n"))
    assert _text(merge) == "A\nb"


def test_the_same_change_on_both_sides_is_made_once():
    merge = merge_drafts(_draft("a\nb"), _draft("a\nB\nc"), _draft("a\nB\nc"))
    assert (_text(merge), merge.conflicts) == ("a\nB\nc", ())


def test_different_changes_of_a_line_are_a_conflict_that_keeps_our_side():
    merge = merge_drafts(_draft("a\nb\nc"), _draft("a\nX\nc"), _draft("a\nc"))
    assert _text(merge) == "a\nX\nc"
    (conflict,) = merge.conflicts
    assert (conflict.place, conflict.line, conflict.field) == ("template", 2, "messages")
    assert (conflict.base, conflict.ours, conflict.theirs) == ("b", "X", None)
    assert write_conflicts(merge.conflicts, "main", "terse") == (
        "template, line 2\n<<<<<<< main\nX\n||||||| base\nb\n=======\n>>>>>>> terse\n"
    )


def test_messages_are_merged_one_by_one():
    merge = merge_drafts(
        _conversation("a\nb\nc", "d"), _conversation("A\nb\nc", "d"), _conversation("a\nb\nC", "D")
    )
    assert [each.content.text for each in merge.draft.messages] == ["A\nb\nC", "D"]


def test_a_message_that_one_side_adds_joins_what_the_other_changed():
    merge = merge_drafts(
        _conversation("a", "b"), _conversation("a", "b", "new"), _conversation("A", "b")
    )
    assert [each.content.text for each in merge.draft.messages] == ["A", "b", "new"]
    assert merge.conflicts == ()


def test_messages_added_at_one_place_by_both_sides_are_a_conflict():
    merge = merge_drafts(
        _conversation("a", "b"), _conversation("a", "b", "c"), _conversation("a", "b", "d", "e")
    )
    (conflict,) = merge.conflicts
    assert (conflict.place, conflict.base) == ("messages", None)
    assert [each["content"]["text"] for each in conflict.theirs] == ["d", "e"]


def test_a_role_and_a_text_change_apart():
    base = make_draft(
        messages=[Message("user", TextContent("a")), Message("user", TextContent("b"))]
    )
    ours = make_draft(
        messages=[Message("assistant", TextContent("a")), Message("user", TextContent("b"))]
    )
    merge = merge_drafts(base, ours, _conversation("A", "b"))
    assert merge.draft.messages[0] == Message("assistant", TextContent("A"))


def test_a_picture_is_one_thing():
    def pictured(data: str) -> Draft:
        picture = Message("user", ImageContent(data, "image/png"))
        return make_draft(messages=[picture, Message("user", TextContent("b"))])

    assert merge_drafts(pictured("aaaa"), pictured("aaaa"), pictured("bbbb")).conflicts == ()
    (conflict,) = merge_drafts(pictured("aaaa"), pictured("cccc"), pictured("bbbb")).conflicts
    assert conflict.place == "messages[0]"
    assert conflict.ours == {"type": "image", "data": "cccc", "mime_type": "image/png"}


def test_settings_are_merged_one_by_one_and_a_number_is_no_boolean():
    merge = merge_drafts(
        _draft(model_config={"a": 1, "b": True, "c": [1]}),
        _draft(model_config={"a": 1.0, "b": 1, "c": [1]}),
        _draft(model_config={"a": 2, "b": True, "d": None}),
    )
    assert merge.draft.model_config == {"a": 2, "b": 1, "d": None}
    assert merge.draft.model_config["b"] is not True
    assert merge.conflicts == ()


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        ("ab", "ab", "ba", "ba"),
        ("ab", "ba", "ab", "ba"),
        ("ab", "ba", "ba", "ba"),
        ("ac", "ac", "abc", "abc"),
        ("ac", "acd", "bac", "bacd"),
        ("abc", "abcd", "cba", "cdba"),
        ("abc", "ac", "acb", "ac"),
    ],
)
def test_the_order_of_settings_is_that_of_the_side_which_changed_it(base, ours, theirs, merged):
    merge = merge_drafts(
        *(_draft(model_config=dict.fromkeys(it, 1)) for it in (base, ours, theirs))
    )
    assert ("".join(merge.draft.model_config), merge.conflicts) == (merged, ())


def test_settings_that_both_sides_ordered_otherwise_are_a_conflict():
    sides = (_draft(model_config=dict.fromkeys(keys, 1)) for keys in ("abc", "bac", "acb"))
    (conflict,) = merge_drafts(*sides).conflicts
    assert (conflict.place, list(conflict.ours), list(conflict.theirs)) == (
        "model_config", ["b", "a", "c"], ["a", "c", "b"],
    )  # fmt: skip


def test_the_order_inside_of_a_setting_is_a_change_of_it():
    one, other = {"why": 1, "answer": 2}, {"answer": 2, "why": 1}
    base, ours, theirs = (
        _draft(model_config={"schema": schema, "t": t})
        for schema, t in [(one, 1), (one, 2), (other, 1)]
    )
    merge = merge_drafts(base, ours, theirs)
    assert (list(merge.draft.model_config["schema"]), merge.draft.model_config["t"]) == (
        ["answer", "why"],
        2,
    )
    assert merge.conflicts == ()


def test_a_number_that_one_side_writes_otherwise_is_written_so():
    base, ours = _draft(model_config={"a": 1.0}), _draft(model_config={"a": 1})
    for merge in (merge_drafts(base, ours, base), merge_drafts(base, base, ours)):
        assert repr(merge.draft.model_config) == "{'a': 1}"


def test_a_setting_taken_away_by_one_side_and_changed_by_the_other_is_a_conflict():
    merge = merge_drafts(_draft(model_config={"t": 1}), _draft(), _draft(model_config={"t": 2}))
    (conflict,) = merge.conflicts
    assert (conflict.place, conflict.ours, conflict.theirs) == ("model_config.t", None, 2)


def test_variants_are_merged_like_the_texts_they_are():
    def varied(text: str) -> Draft:
        return _draft(variants={"gpt-*": [Message("user", TextContent(text))]})

    merge = merge_drafts(varied("a\nb\nc"), varied("A\nb\nc"), varied("a\nb\nC"))
    assert merge.draft.variants["gpt-*"] == (Message("user", TextContent("A\nb\nC")),)
    (conflict,) = merge_drafts(varied("a"), varied("b"), varied("c")).conflicts
    assert (conflict.place, conflict.field) == ("variants.gpt-*[0]", "variants")


def test_declarations_are_merged_field_by_field():
    def declared(**fields) -> Draft:
        return _draft("{{a}}", arguments=[Argument("a", **fields)])

    merge = merge_drafts(
        declared(), declared(description="What"), declared(default="1", required=False)
    )
    assert merge.draft.arguments == (
        Argument("a", description="What", default="1", required=False),
    )
    (conflict,) = merge_drafts(declared(), declared(title="A"), declared(title="B")).conflicts
    assert conflict.place == "arguments.a.title"


def test_an_argument_goes_with_its_last_use():
    base, ours, theirs = "{{a}}\nx\n{{a}}", "x\n{{a}}", "{{a}}\nx"
    merge = merge_drafts(_draft(base), _draft(ours), _draft(theirs))
    assert (_text(merge), merge.draft.arguments) == ("x", ())


def test_an_argument_that_no_text_uses_but_was_declared_stays():
    declared = [Argument("unused")]
    base = _draft("a\nb\nc", arguments=declared)
    merge = merge_drafts(
        base, _draft("A\nb\nc", arguments=declared), _draft("a\nb\nC", arguments=declared)
    )
    assert merge.draft.arguments == (Argument("unused"),)


@given(_TEXT, _TEXT)
def test_a_side_that_changed_nothing_leaves_it_to_the_other(base, changed):
    for merge in (
        merge_drafts(_plain(base), _plain(changed), _plain(base)),
        merge_drafts(_plain(base), _plain(base), _plain(changed)),
        merge_drafts(_plain(base), _plain(changed), _plain(changed)),
    ):
        assert (_text(merge), merge.conflicts) == (changed, ())


@given(_TEXT, _TEXT, _TEXT)
def test_which_side_is_ours_decides_nothing_but_conflicts(base, one, other):
    merge = merge_drafts(_plain(base), _plain(one), _plain(other))
    mirrored = merge_drafts(_plain(base), _plain(other), _plain(one))
    assert [(each.base, each.ours, each.theirs) for each in merge.conflicts] == [
        (each.base, each.theirs, each.ours) for each in mirrored.conflicts
    ]
    if not merge.conflicts:
        assert _text(merge) == _text(mirrored)


@given(st.lists(_LINE, min_size=1), st.lists(_LINE, min_size=1), st.lists(_LINE, min_size=1))
def test_changes_before_and_after_a_line_of_its_own_are_both_kept(head, tail, added):
    middle = "a line that occurs once"
    base = "\n".join([*head, middle, *tail])
    ours = "\n".join([*added, *head, middle, *tail])
    theirs = "\n".join([*head, middle, *tail, *added])
    merge = merge_drafts(_plain(base), _plain(ours), _plain(theirs))
    assert merge.conflicts == ()
    assert _text(merge) == "\n".join([*added, *head, middle, *tail, *added])


@pytest.mark.parametrize("line", ["x" * 49, "a", ""])
@pytest.mark.timed
def test_a_million_characters_are_merged_in_bounded_work(line):
    lines = [line] * (1_000_000 // (len(line) + 1))
    ours = ["ours", *lines[3:]]
    theirs = [*lines[:-3], "theirs"]
    began = time.process_time()
    merge = merge_drafts(*(_plain("\n".join(each)) for each in (lines, ours, theirs)))
    # A guard against work that grows with the square of the size, not a measurement.
    assert time.process_time() - began < 20
    assert merge.draft.messages[0].role == "user"


def test_a_declaration_that_one_side_changed_and_the_other_took_away_is_shown_whole():
    base, ours, theirs = (
        _draft(arguments=[Argument("a", description=said)] if said else [])
        for said in ("x", "y", None)
    )
    (conflict,) = merge_drafts(base, ours, theirs).conflicts
    assert (conflict.place, conflict.field) == ("arguments.a", "arguments")
    assert (conflict.base["description"], conflict.ours["description"]) == ("x", "y")
    assert conflict.theirs is None
