"""JSON: ours is never taken for somebody else's, and a format that is named is not guessed at."""

import json
import re
from dataclasses import replace

import pytest

from mcp_server.domain.drafts import content_hash, make_draft
from mcp_server.domain.formats import json_files, streams
from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.formats.registry import FORMATS, read_file, whole
from storage.values.entities import Argument, Message, Metadata, TextContent
from storage.values.errors import Invalid

OURS = {
    "template_format": "simple",
    "arguments": [{"name": "who", "description": "the person"}],
    "model_type": "gpt-4",
    "variants": {"claude-*": [{"role": "user", "content": {"type": "text", "text": "x"}}]},
    "folder": "a/b",
    "title": "T",
    "created_by": "ann",
    "latest_version": 2,
}
OF_A_PLATFORM = {"aliases": [], "response_format": {}, "config": {}, "labels": ["production"]}
MESSAGES = [{"role": "user", "content": "x"}]
ROWS = [
    {"act": "Night-shift gardener", "prompt": "Garden at ${hour}, {{not}} a blank."},
    {"act": "Harbour pilot", "prompt": "Guide me."},
    {"title": "Harbour pilot!", "description": "Guides", "prompt": "Guide {{who}}."},
]


def read(value: object, format_name: str | None = None) -> list[PromptFile | Invalid]:
    return list(read_file("dir/list.json", json.dumps(value), format_name))


@pytest.mark.parametrize("key", OURS)
@pytest.mark.parametrize("text", [{"template": "x"}, {"messages": MESSAGES}])
def test_one_key_of_ours_rules_out_every_platform(key, text):
    (file,) = read({"name": "a", **text, key: OURS[key]})
    assert (file.format_name, file.remarks) == ("json", ())
    (both,) = read({"name": "a", **text, key: OURS[key], "aliases": []})
    assert isinstance(both, Invalid)
    assert "'aliases' is no key that a prompt has" in both.message


def test_what_is_written_for_a_prompt_that_is_created_is_read_whole():
    value = {"name": "a", "content": "Hi {{who}}", "commit_message": "why", "model_type": "gpt-4"}
    (file,) = read(value | {"arguments": OURS["arguments"], "model_settings": {"b": 1, "a": 2}})
    assert file.draft == make_draft(
        template="Hi {{who}}", model_type="gpt-4", model_config={"b": 1, "a": 2},
        arguments=[Argument("who", description="the person")],
    )  # fmt: skip
    assert file.commit_message == "why"


def test_two_names_of_one_thing_may_not_say_two_things():
    (refused,) = read({"name": "a", "content": "x", "template": "y"})
    assert "'content' and 'template' are two names of the same, but say two" in refused.message
    (file,) = read({"name": "a", "content": "x", "template": "x"})
    assert isinstance(file, PromptFile)


@pytest.mark.parametrize(
    "value", [{"title": "My Poet!", "template": "x"}, {"content": "My poet\n"}]
)
def test_a_prompt_without_a_name_is_called_by_its_title_or_text(value):
    (file,) = read(value)
    assert (file.metadata.name, file.named) == ("my-poet", True)


@pytest.mark.parametrize("format_name", ["json", "jsonl"])
@pytest.mark.parametrize(
    ("value", "platform"),
    [
        ({"name": "a", "prompt": "x"}, "langfuse"),
        ({"name": "a", "template": "x", "aliases": ["b"]}, "mlflow"),
        ({"messages": [{"role": "user", "content": "x"}], "temperature": 1}, "openai"),
        ({"act": "A", "prompt": "x"}, "rows"),
    ],
)
def test_a_format_that_was_named_is_not_guessed_at(format_name, value, platform):
    (refused,) = read(value, format_name)
    assert "is no key that a prompt has" in refused.message
    assert f"say so with the format '{platform}'." in refused.message
    (file,) = read(value)
    assert file.format_name == platform


def test_a_prompt_that_nothing_can_be_called_by_is_refused():
    picture = {"type": "image", "data": "aW1n", "mime_type": "image/png"}
    value = {"messages": [{"role": "user", "content": picture}]}
    (refused,) = read(value, "json")
    assert refused.message.startswith("dir/list.json: 'name' is missing. Write it.")


def test_messages_are_no_prompts_of_ours():
    (file,) = read(MESSAGES)
    assert file.format_name == "openai"
    (refused,) = read(MESSAGES, "json")
    assert "'role' is no key that a prompt has" in refused.message


@pytest.mark.parametrize("key", ["data", "items"])
def test_a_page_of_a_list_is_called_that(key):
    (refused,) = read({key: [{"name": "a", "prompt": "x"}], "meta": {"page": 1}})
    assert f"this is a page of a list, with its values in '{key}'" in refused.message


def test_what_comes_before_broken_json_is_read():
    for value in ('{"name": "a", "template": "x"}', '{"act": "A", "prompt": "x"}'):
        file, refused = read_file("a.jsonl", f"{value}\n{{")
        assert (file.metadata.name, isinstance(refused, Invalid)) == ("a", True)
    assert [type(each) for each in read_file("a.json", "[1")] == [Invalid, Invalid]
    assert list(read_file("a.json", "[]")) == []


def test_rows_are_named_by_what_they_say_and_not_by_where_they_stand():
    first, second, third = read(ROWS)
    assert first.metadata == Metadata("night-shift-gardener", "Night-shift gardener")
    assert first.draft == make_draft(
        template="Garden at {{hour}}, \\{{not}} a blank.", arguments=[Argument("hour")]
    )
    assert re.fullmatch("harbour-pilot-[0-9a-f]+", second.metadata.name)
    assert re.fullmatch("harbour-pilot-[0-9a-f]+", third.metadata.name)
    assert (third.metadata.title, third.metadata.description) == ("Harbour pilot!", "Guides")
    assert {each.format_name for each in (first, second, third)} == {"rows"}
    turned = read([{"act": "New", "prompt": "y"}, *ROWS[::-1]])
    assert [each.metadata for each in turned[1:]] == [
        third.metadata, second.metadata, first.metadata,
    ]  # fmt: skip


def test_what_else_a_row_says_is_kept_or_said():
    value = {
        "act": "A", "name": "my name", "prompt": "x", "for_devs": True, "type": "IMAGE",
        "contributor": "kim", "tags": ["t", ""], "rank": 3, "title": "Other", "folder": "f",
    }  # fmt: skip
    (file,) = read(value)
    assert file.metadata == Metadata("my-name", "A", None, "f", ("t", "for-devs", "image"))
    assert file.created_by == "kim"
    assert file.remarks[0].startswith("A tag isn't kept")
    assert file.remarks[1] == "What the file says as 'rank', 'title' isn't kept."
    (refused,) = read(value | {"for_devs": "perhaps"})
    assert "'for_devs' is 'perhaps'. Use true or false" in refused.message


def test_rows_without_any_name_are_called_by_the_file_and_their_text():
    (alone,) = read([{"prompt": "x", "rank": 1}])
    assert (alone.metadata.name, alone.named) == ("list", False)
    names = [
        each.metadata.name
        for each in read([{"prompt": "x", "rank": 1}, {"prompt": "y", "rank": 1}])
    ]
    assert all(re.fullmatch("list-[0-9a-f]{6}", name) for name in names)
    (said,) = read([{"name": "b", "prompt": "x", "rank": 1}], "rows")
    assert said.metadata.name == "b"


def test_a_file_of_rows_has_its_limit(monkeypatch):
    monkeypatch.setattr(json_files, "MAX_ROWS", 5)
    assert "too much for one" in read(ROWS)[-1].message


def test_rows_come_back():
    template = "Guide {{ who }} \\{{a}} ${b}"
    draft = make_draft(template=template, arguments=[Argument("who")])
    file = PromptFile(Metadata("a", "T", "D", "f", ("t",)), draft, None, "a")
    one = FORMATS["rows"].writer()(file)
    (back,) = read(json.loads(one.text), "rows")
    assert back.metadata == file.metadata
    assert one.lost == (
        () if content_hash(back.draft) == content_hash(draft) else ("how its text is meant",)
    )
    plain = replace(file, draft=make_draft(template="x {{y}}", template_format="text"))
    assert FORMATS["rows"].writer()(plain).lost == ("how its text is meant",)


@pytest.mark.parametrize(
    "draft",
    [
        make_draft(messages=[Message("system", TextContent("x"))]),
        make_draft(template="{{> other}}"),
    ],
)
def test_what_a_row_cant_hold_is_refused(draft):
    with pytest.raises(Invalid, match="which a row can't hold"):
        FORMATS["rows"].writer()(PromptFile(Metadata("a"), draft, None, "a"))


def test_what_the_library_reads_out_is_read_in():
    value = {
        "id": "0", "name": "a", "folder": "", "tags": [], "version": 2, "latest_version": 3,
        "branch": "terse", "labels": {"production": 2, "old": 1, "trial": 2},
        "weights": {"trial": {"2": 1, "1": 1}}, "branches": {"main": 3}, "template": "x",
        "content": "x", "template_format": "simple", "arguments": [], "includes": [],
        "model_config": {}, "variants": {}, "created_by": "ann",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    (file,) = read(value)
    assert (file.labels, file.format_name) == (("production",), "json")
    assert file.remarks == (
        "Of the labels, 'old', 'trial' aren't kept: they point at other versions, which aren't "
        "here, or share their reads out.",
        "It was read from the branch 'terse', and is taken for main.",
    )
    (listed,) = read(value | {"labels": ["production"], "branch": "main"})
    assert (listed.labels, listed.remarks) == (("production",), ())
    (refused,) = read(value | {"variant": "claude-*"})
    assert "Read the prompt without a model" in refused.message


def test_a_question_ends_in_one_mark():
    (refused,) = read({"name": "a", "template": "x", "modle_type": "y"})
    assert refused.message.endswith("Did you mean 'model_type'?")


def test_a_mark_of_byte_order_is_no_part_of_lines():
    (file,) = read_file("a.jsonl", '\ufeff{"name": "a", "template": "x"}')
    assert file.metadata.name == "a"


def test_values_may_be_cut_anywhere_and_too_large_a_one_is_refused(monkeypatch):
    pieces = ['[{"a', '": [1,', " 2", "]}", ", 3]"]
    assert list(streams.json_values(pieces, "a.json")) == [{"a": [1, 2]}, 3]
    monkeypatch.setattr(streams, "MAX_RECORD", 10)
    with pytest.raises(Invalid, match=r"a\.json:1: .*one prompt is too large"):
        list(streams.json_values(['["', "x" * 5_000, '"]'], "a.json"))


def test_of_yaml_an_empty_document_is_none_and_a_refused_one_keeps_no_other_out():
    text = "---\n---\nname: a\n---\nname: b\ntemplate: x\n"
    refused, file = streams.read_yaml_stream([text], "a.yaml")
    assert isinstance(refused, Invalid)
    assert refused.message.startswith("a.yaml:3")
    assert isinstance(file, PromptFile)
    assert file.metadata.name == "b"


def test_what_follows_an_array_is_refused():
    with pytest.raises(Invalid, match=r"a\.json:2: .*something follows the end of the array"):
        list(streams.json_values(["[1]\n", "x"], "a.json"))


def test_a_file_may_have_so_many_characters_and_no_more():
    assert whole(iter(["ab", "c"]), "a.json", 3) == "abc"
    with pytest.raises(Invalid, match=r"a.json: this has more than 3 characters"):
        whole(iter(["ab", "cd"]), "a.json", 3)
