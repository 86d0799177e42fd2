"""What values that say nothing, or are of another kind, mean to the fields of a file."""

import json

import pytest

from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.formats.registry import read_file
from storage.values.errors import Invalid

ODD = (None, "", [], {}, 0, False, True, 5, "x", ["x"], {"x": 1})

# By the field: which of the values above are as good as leaving it out, and which are kept.
LEFT_OUT = {
    "template_format": [None, ""],
    "model_type": [None, ""],
    "arguments": [None, []],
    "model_config": [None, "", [], {}],
    "variants": [None, "", [], {}],
}
KEPT = {"model_type": ["x"], "model_config": [{"x": 1}]}


def _same(value, others):
    return any(type(value) is type(other) and value == other for other in others)


def _read(format_name, field, value):
    record = {"name": "a", "template_format": "simple", field: value}
    if format_name == "markdown":
        # JSON is YAML, and so are its values.
        lines = "".join(f"{key}: {json.dumps(each)}\n" for key, each in record.items())
        files = read_file("a.md", f"---\n{lines}---\nHello\n", "markdown")
    else:
        files = read_file(f"a.{format_name}", json.dumps(record | {"template": "Hello\n"}))
    (file,) = files
    if isinstance(file, Invalid):
        raise file
    return file


def _is_read_otherwise(format_name, field, value):
    """Tell of Markdown that isn't ours, and of names of blanks as Claude Code has them."""
    if format_name != "markdown":
        return False
    if field == "template_format":
        return value in (None, "", "x")
    return field == "arguments" and _same(value, ["x", ["x"]])


CASES = [
    (format_name, field, value)
    for format_name in ("json", "jsonl", "yaml", "markdown")
    for field in LEFT_OUT
    for value in ODD
    if not _is_read_otherwise(format_name, field, value)
]


@pytest.mark.parametrize(("format_name", "field", "value"), CASES)
def test_a_value_is_left_out_kept_or_refused_by_its_field(format_name, field, value):
    if _same(value, LEFT_OUT[field]):
        assert _read(format_name, field, value).draft == _read(format_name, "title", "T").draft
    elif _same(value, KEPT.get(field, [])):
        assert getattr(_read(format_name, field, value).draft, field) == value
    else:
        with pytest.raises(Invalid, match=rf"'{field}[\].\['\w]* (has to be|is|has)\b"):
            _read(format_name, field, value)


def test_the_refusal_names_the_key_that_is_in_the_file():
    (refusal,) = read_file("a.json", '{"name": "a", "content": 5}')
    assert isinstance(refusal, Invalid)
    assert set(refusal.fields) == {"content"}


@pytest.mark.parametrize("settings", ["fast", "{temperature: 1}", "5"])
def test_front_matter_of_others_keeps_what_our_records_have_another_name_for(settings):
    text = f"---\nname: sy\nmodel_settings: {settings}\n---\nHello"
    (file,) = read_file("sy.md", text)
    assert isinstance(file, PromptFile)
    assert set(file.draft.model_config) == {"front_matter"}
