import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.domain.drafts import (
    content_hash,
    make_draft,
)
from mcp_server.domain.reading import read
from storage.values.codecs import argument_to_json, messages_to_json
from storage.values.entities import (
    Argument,
    AudioContent,
    Content,
    Draft,
    EmbeddedResource,
    ImageContent,
    Message,
    ResourceLink,
    TextContent,
)
from storage.values.errors import Invalid

WORDS = st.text(min_size=1, max_size=8)
BASE64 = st.binary(min_size=1, max_size=8).map(lambda raw: base64.b64encode(raw).decode())
CONTENTS = st.one_of(
    st.builds(TextContent, st.text()),
    st.builds(ImageContent, BASE64, st.just("image/png")),
    st.builds(AudioContent, BASE64, st.just("audio/wav")),
    st.builds(EmbeddedResource, WORDS, st.none() | WORDS, text=st.text()),
    st.builds(EmbeddedResource, WORDS, blob=BASE64),
    st.builds(ResourceLink, WORDS, WORDS, title=st.none() | st.text()),
)
MESSAGES = st.builds(Message, st.sampled_from(["system", "user", "assistant"]), CONTENTS)
ARGUMENTS = st.builds(
    Argument,
    WORDS,
    title=st.none() | st.text(),
    required=st.booleans(),
    type=st.sampled_from(["string", "enum", "json"]),
    default=st.none() | st.text(),
    choices=st.lists(st.text(), max_size=3).map(tuple),
)


def only(content: Content) -> dict[str, Any]:
    return {"messages": [Message("user", content)]}


def user(text: str) -> Message:
    return Message("user", TextContent(text))


@given(st.lists(MESSAGES).map(tuple), st.lists(ARGUMENTS).map(tuple))
def test_json_gives_back_what_was_written(
    messages: tuple[Message, ...], arguments: tuple[Argument, ...]
) -> None:
    written = json.loads(
        json.dumps([messages_to_json(messages), [argument_to_json(each) for each in arguments]])
    )
    assert read(tuple[Message, ...], written[0], "messages") == messages
    assert read(tuple[Argument, ...], written[1], "arguments") == arguments


def test_what_is_absent_is_left_out_of_json() -> None:
    link = Message("user", ResourceLink("file:///a", "a"))
    assert messages_to_json([user(""), link]) == [
        {"role": "user", "content": {"type": "text", "text": ""}},
        {"role": "user", "content": {"type": "resource_link", "uri": "file:///a", "name": "a"}},
    ]
    assert argument_to_json(Argument("a")) == {"name": "a", "required": True, "type": "string"}


IMAGE = {"type": "image", "data": "aGk=", "mime_type": "image/png"}


@pytest.mark.parametrize(
    ("value", "place", "said"),
    [
        ({}, "messages", "has to be a list"),
        (["x"], "messages[0]", "has to be an object"),
        ([{"content": IMAGE}], "messages[0].role", "is missing"),
        ([{"role": "bot", "content": IMAGE}], "messages[0].role", "is 'bot'. Use one of system"),
        ([{"role": "user", "content": 5}], "messages[0].content", "has to be an object"),
        ([{"role": "user", "content": {}}], "messages[0].content", "has no 'type'"),
        ([{"role": "user", "content": {"type": 1}}], "messages[0].content.type", "is '1'"),
        ([{"role": "user", "content": {"type": "text"}}], "messages[0].content.text", "is missing"),
        (
            [{"role": "user", "content": {**IMAGE, "data": 5}}],
            "messages[0].content.data",
            "has to be text, not '5'",
        ),
        (
            [{"role": "user", "content": {**IMAGE, "mimeType": "x"}}],
            "messages[0].content",
            "unknown key 'mimeType'. Did you mean 'mime_type'?",
        ),
        ([{"role": "user", "content": IMAGE, "zz": 1}], "messages[0]", "Use role, content"),
    ],
    ids=range(11),
)
def test_messages_of_another_shape_are_refused_by_their_place(
    value: object, place: str, said: str
) -> None:
    with pytest.raises(Invalid) as refused:
        read(tuple[Message, ...], value, "messages")
    assert set(refused.value.fields) == {place}
    assert said in refused.value.message


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ([{}], "arguments[0].name"),
        ([{"name": 1}], "arguments[0].name"),
        ([{"name": "a"}, {"name": "b", "required": "yes"}], "arguments[1].required"),
        ([{"name": "a", "type": "colour"}], "arguments[0].type"),
        ([{"name": "a", "choices": ["x", 1]}], "arguments[0].choices[1]"),
        ([{"name": "a", "defualt": "x"}], "arguments[0]"),
    ],
)
def test_arguments_of_another_shape_are_refused_by_their_place(value: object, place: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(tuple[Argument, ...], value, "arguments")
    assert set(refused.value.fields) == {place}


def test_null_counts_as_absent_in_json() -> None:
    assert read(tuple[Argument, ...], [{"name": "a", "title": None}], "arguments") == (
        Argument("a"),
    )


def test_a_template_is_one_user_message() -> None:
    assert make_draft(template="Hi {{a}}") == Draft((user("Hi {{a}}"),), (Argument("a"),))


def test_arguments_come_from_all_messages_and_variants() -> None:
    draft = make_draft(
        messages=[user("{{a}}"), Message("user", EmbeddedResource("x:", text="{{b}}"))],
        variants={" gpt-4 ": [user("{{c}} {{a}}")]},
        arguments=[Argument("c", default="x")],
    )
    assert [argument.name for argument in draft.arguments] == ["a", "b", "c"]
    assert list(draft.variants) == ["gpt-4"]


@pytest.mark.parametrize(
    ("given_fields", "field"),
    [
        ({}, "template"),
        ({"template": "x", "messages": [user("x")]}, "template"),
        ({"template": " \n"}, "template"),
        ({"messages": []}, "messages"),
        ({"messages": [user(""), user(" ")]}, "messages"),
        ({"messages": [user("x")] * 257}, "messages"),
        ({"template": "x" * 1_000_001}, "messages"),
        ({"template": "x" * 600_000, "variants": {"m": [user("x" * 600_000)]}}, "messages"),
        ({"template": "a\0"}, "messages[0].content.text"),
        ({"messages": [Message("bot", TextContent("x"))]}, "messages[0].role"),  # type: ignore[arg-type]
        (
            only(ImageContent("*", "image/png")),
            "messages[0].content.data",
        ),
        (
            only(ImageContent("aGk", "image/png")),
            "messages[0].content.data",
        ),
        (
            only(ImageContent("", "image/png")),
            "messages[0].content.data",
        ),
        (
            only(ImageContent("é", "image/png")),
            "messages[0].content.data",
        ),
        (
            only(AudioContent("aGk=", "wav")),
            "messages[0].content.mime_type",
        ),
        (only(EmbeddedResource("x:")), "messages[0].content"),
        (
            only(EmbeddedResource("x:", text="a", blob="aGk=")),
            "messages[0].content",
        ),
        (
            only(EmbeddedResource("x:", blob="!")),
            "messages[0].content.blob",
        ),
        (only(ResourceLink("", "a")), "messages[0].content.uri"),
        (only(ImageContent("aGk1" * 2_000_001, "a/b")), "messages"),
        ({"template": "x", "variants": {"": [user("x")]}}, "variants"),
        ({"template": "x", "variants": {"m": []}}, "variants.m"),
        ({"template": "x", "variants": {f"m{n}": [user("x")] for n in range(65)}}, "variants"),
        ({"template": "x", "template_format": "jinja"}, "template_format"),
        ({"template": "x", "model_type": "a\n b"}, "model_type"),
        ({"template": "x", "model_config": {"a": [float("nan")]}}, "model_config.a[0]"),
        ({"template": "x", "model_config": {"a": {1: 2}}}, "model_config.a"),
        ({"template": "x", "model_config": {"a": "\0"}}, "model_config.a"),
        ({"template": "x", "model_config": {"a": {1, 2}}}, "model_config.a"),
        ({"template": "x", "model_config": {"a": "x" * 100_001}}, "model_config"),
        ({"template": "{{a}}", "arguments": [Argument("a", type="enum")]}, "arguments.a"),
    ],
    ids=range(31),
)
def test_a_draft_that_can_not_be_kept_names_the_field(
    given_fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        make_draft(**given_fields)
    assert set(refused.value.fields) == {field}


def test_a_config_nested_without_end_is_refused() -> None:
    config: dict[str, Any] = {}
    config["self"] = config
    with pytest.raises(Invalid, match="nested more than 32 levels"):
        make_draft(template="x", model_config=config)


@pytest.mark.parametrize("inside", [lambda each: {"in": each}, lambda each: [each]])
def test_a_config_is_nested_as_deep_as_it_may_be(inside: Callable[[object], object]) -> None:
    value: object = 1
    for _ in range(30):
        value = inside(value)
    assert make_draft(template="x", model_config={"deep": value}).model_config == {"deep": value}
    with pytest.raises(Invalid, match="nested more than 32 levels"):
        make_draft(template="x", model_config={"deep": inside(value)})


def test_the_hash_does_not_depend_on_the_order_of_variants() -> None:
    one = make_draft(
        template="é",
        arguments=[Argument("a", title="A", default="x")],
        variants={"x": [user("1")], "y": [user("2")]},
    )
    other = make_draft(
        template="é",
        arguments=[Argument("a", default="x", title="A")],
        variants={"y": [user("2")], "x": [user("1")]},
    )
    assert content_hash(one) == content_hash(other)
    assert len(content_hash(one)) == 64


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"schema": {"properties": {"why": {}, "answer": {}}}},
         {"schema": {"properties": {"answer": {}, "why": {}}}}),
        ({"tools": [{"name": "x", "type": "y"}]}, {"tools": [{"type": "y", "name": "x"}]}),
        ({"max_tokens": 100}, {"max_tokens": 100.0}),
        ({"a": 0.0}, {"a": -0.0}),
        ({"a": 1}, {"a": True}),
    ],
)  # fmt: skip
def test_the_order_and_the_numbers_of_settings_are_part_of_what_a_version_is(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    hashes = [content_hash(make_draft(template="x", model_config=each)) for each in (one, other)]
    assert hashes[0] != hashes[1]


def test_the_hash_stays_the_same_from_release_to_release() -> None:
    draft = make_draft(
        messages=[Message("system", TextContent("Be {{tone}}.")), user("é")],
        arguments=[Argument("tone", choices=("brief", "warm"), default="brief")],
        model_type="gpt-4",
        model_config={"temperature": 0.5},
    )
    assert content_hash(draft) == (
        "7e0dc59efd1ab916fa4b8212f5f6a3cd62ff05d9e3814d1be7dff0f4134b43b2"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"template": "y"},
        {"template": "x", "model_type": "m"},
        {"template": "x", "template_format": "text"},
        {"template": "x", "model_config": {"a": 1}},
        {"template": "x", "variants": {"m": [user("x")]}},
        {"template": "x", "arguments": [Argument("a", default="")]},
        {"messages": [Message("assistant", TextContent("x"))]},
    ],
)
def test_the_hash_covers_everything(change: dict[str, Any]) -> None:
    assert content_hash(make_draft(**change)) != content_hash(make_draft(template="x"))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"template": "x" * 1_000_001},
            "are allowed. Shorten them, or raise PROMPTSTACK_MAX_TEXT.",
        ),
        (
            {"variants": {str(n): [Message("user", TextContent("x"))] for n in range(65)}},
            "has 65 variants; at most 64 are allowed. Leave some out.",
        ),
        ({"model_config": {"a": "b" * 100_000}}, "Keep only what the provider needs."),
        ({"arguments": [Argument("a", choices=("b",) * 1_001)]}, "or use a pattern."),
        ({"arguments": [Argument("a" * 65)]}, "are allowed; shorten it."),
    ],
)
def test_what_is_too_much_is_refused_with_what_to_do(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid) as refused:
        make_draft(**{"template": "x", **fields})
    assert refused.value.message.endswith(said)
