import re
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.domain import fields as content_fields
from mcp_server.domain.configs import CONFIG_SCHEMA
from mcp_server.domain.drafts import content_hash, make_draft
from mcp_server.domain.fields import CONTENT, PLAIN, content_of, prompt_limits, read_content
from mcp_server.domain.names import (
    BRANCH_SCHEMA,
    FOLDER_SCHEMA,
    LABEL_SCHEMA,
    MODEL_TYPE_SCHEMA,
    NAME_SCHEMA,
    TAG_SCHEMA,
    TITLE_SCHEMA,
    check_branch,
    check_folder,
    check_label,
    check_metadata,
    check_model_type,
    check_name,
    check_tag,
)
from mcp_server.domain.reading import has_value
from mcp_server.domain.references import REFERENCE_SCHEMA, parse_reference
from mcp_server.domain.texts import NOTE_SCHEMA, TEXT, check_text
from storage.values.codecs import draft_from_json, draft_to_json
from storage.values.entities import (
    Argument,
    Draft,
    Message,
    Metadata,
    ResourceLink,
    TextContent,
)
from storage.values.errors import Invalid

_FIRST = ("messages", "arguments", "template_format", "model_type", "model_config", "variants")
"""The fields that a version had when the first hashes were kept."""

SMALL = Draft((Message("user", TextContent("Hi {{a}}")),), (Argument("a"),))
FULL = Draft(
    (
        Message("system", TextContent("Be kind.")),
        Message("user", ResourceLink("file:///a", "a")),
    ),
    (Argument("a", "T", "D", False, "enum", "x", ("x", "y"), None),),
    "liquid",
    "gpt-4",
    {"temperature": 0.5, "a": {"b": [1]}},
    {"gpt-*": (Message("user", TextContent("x")),)},
)


@pytest.mark.parametrize(
    ("draft", "written"),
    [
        (SMALL, "89a631a7c4c99ca35d06c049df13424727984be4ecbf3f27d4b7f43a82d41e5e"),
        (FULL, "fe6f977646b2482983f3d3ea659106d372b0d8275ae098069a0c1bb514ff8e3e"),
    ],
)
def test_hashes_are_those_that_libraries_hold(draft, written):
    assert content_hash(draft) == written


def test_what_came_later_says_nothing_by_default():
    later = [each for each in fields(Draft) if each.name not in _FIRST]
    later += fields(Argument)[8:]
    empty = Draft(())
    assert not [each.name for each in later if has_value(getattr(empty, each.name, each.default))]


def test_a_field_is_named_wherever_content_is_described():
    names = {each.name for each in fields(Draft)}
    assert set(CONTENT) == {*names, "template"}
    assert {*PLAIN, "messages", "arguments", "variants"} == names
    assert set(draft_to_json(SMALL)) == names
    assert {"name", *CONTENT} <= set(prompt_limits())


def test_files_have_the_fields_in_this_order():
    assert CONTENT[:7] == (
        "template", "messages", "template_format", "model_type", "arguments", "model_config",
        "variants",
    )  # fmt: skip


@pytest.mark.parametrize("draft", [SMALL, FULL])
def test_a_draft_comes_back_from_its_fields_and_its_row(draft):
    assert draft_from_json(draft_to_json(draft)) == draft
    assert make_draft(**content_of(draft)) == draft


@pytest.mark.parametrize("name", [name for name in CONTENT if name not in ("template", "messages")])
def test_null_is_absent_in_every_field(name):
    assert read_content({name: None, "other": 5}) == {}


_WRONG: dict[str, Any] = {
    "template": [5, False, ["a"], {"a": 1}],
    "messages": [5, False, "a", {"a": 1}],
    "template_format": [5, True, ["simple"], "mustache"],
    "model_type": [5, False, ["gpt-4"]],
    "arguments": [5, False, "a", {"a": 1}, ["a"]],
    "model_config": [5, False, "a", ["a"], {1: 2}],
    "variants": [5, False, "a", ["a"], {1: []}, {"a": 5}],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in _WRONG.items() for value in values]
)
def test_a_value_of_another_shape_is_refused_by_its_field(name, value):
    with pytest.raises(Invalid) as refused:
        read_content({name: value}, "versions[2]")
    (place,) = refused.value.fields
    assert re.match(rf"versions\[2\]\.{name}\b", place)


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("value", [None, "", [], {}])
def test_a_plain_field_that_says_nothing_has_its_default(name, value):
    assert make_draft(template="x", **{name: value}) == Draft((Message("user", TextContent("x")),))


def _title(text):
    check_metadata(Metadata("a", title=text))


@pytest.mark.parametrize(
    ("schema", "check"),
    [
        (NAME_SCHEMA, check_name),
        (LABEL_SCHEMA, check_label),
        (BRANCH_SCHEMA, check_branch),
        (FOLDER_SCHEMA, check_folder),
        (TITLE_SCHEMA, _title),
        (TAG_SCHEMA, check_tag),
        (MODEL_TYPE_SCHEMA, check_model_type),
        (REFERENCE_SCHEMA, parse_reference),
        (NOTE_SCHEMA, lambda text: check_text(text, "reason", limit=2_000)),
        ({"pattern": TEXT}, lambda text: check_text(text, "text")),
    ],
    ids=[
        "name", "label", "branch", "folder", "title", "tag", "model_type", "reference", "note",
        "text",
    ],
)  # fmt: skip
@given(text=st.text(st.sampled_from("ab-_.019 /@:A\0\x1f\x7f\té\n"), max_size=8))
def test_what_is_documented_is_what_is_checked(schema, check, text):
    documented = re.search(schema["pattern"].replace("$", r"\Z"), text) is not None
    documented = documented and {"const": text} != schema.get("not")
    try:
        check(text)
    except Invalid:
        assert not documented
    else:
        assert documented


def test_settings_are_documented_as_any_json():
    assert CONFIG_SCHEMA["propertyNames"] == {"pattern": TEXT}
    assert content_fields.PLAIN["model_config"].schema is CONFIG_SCHEMA
