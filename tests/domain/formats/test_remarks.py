"""What of a file isn't kept is said, and which format it was read as."""

import json

import pytest

from mcp_server.domain.formats.registry import read_file
from storage.values.errors import Invalid

OURS = '{"name": "a", "template": "x"}'
LANGFUSE = '{"name": "a", "prompt": "x"}'
MLFLOW = '{"name": "a", "template": "x", "aliases": []}'
OPENAI = '{"name": "a", "messages": [{"role": "user", "content": "x"}]}'


@pytest.mark.parametrize(
    ("place", "text", "format_name"),
    [
        ("a.json", OURS, "json"),
        ("a.json", LANGFUSE, "langfuse"),
        ("a.json", MLFLOW, "mlflow"),
        ("a.json", OPENAI, "openai"),
        ("a.json", '[{"role": "user", "content": "x"}]', "openai"),
        ("a.jsonl", OURS, "jsonl"),
        ("a.jsonl", LANGFUSE, "langfuse"),
        ("a.yaml", OURS, "yaml"),
        ("a.csv", "act,prompt\nA,x\n", "csv"),
        ("a.md", "x", "markdown"),
        ("tidy/SKILL.md", "x", "skill"),
        ("skill.md", "x", "markdown"),
        ("a.txt", "x", "markdown"),
        (".claude/commands/a.md", "x", "claude-command"),
        ("a.prompt.md", "x", "vscode"),
    ],
)
def test_a_prompt_tells_which_format_it_was_read_as(place, text, format_name):
    (read,) = read_file(place, text)
    assert not isinstance(read, Invalid), read
    assert read.format_name == format_name


@pytest.mark.parametrize("format_name", ["langfuse", "mlflow", "openai", "skill"])
def test_a_prompt_read_in_a_format_that_was_named_tells_that(format_name):
    value = {"name": "a", "prompt": "x", "template": "x", "messages": []}
    value["messages"] = [{"role": "user", "content": "x"}]
    (read,) = read_file("a.json", json.dumps(value), format_name)
    assert read.format_name == format_name


def test_values_that_no_prompt_has_a_place_for_are_named_by_their_places():
    value = {"name": "a", "prompt": [{"role": "user", "content": "x", "cache": 1}], "rank": 2}
    (read,) = read_file("a.json", json.dumps(value))
    assert read.remarks == ("What the file says as 'rank', 'prompt[0].cache' isn't kept.",)


def test_values_that_say_nothing_are_not_remarked_on():
    value = {"name": "a", "prompt": "x", "note": None, "rules": [], "more": {}, "text": ""}
    (read,) = read_file("a.json", json.dumps(value), "langfuse")
    assert read.remarks == ()


def test_of_many_values_that_arent_kept_the_first_are_named_and_the_others_counted():
    value = {"name": "a", "prompt": "x"} | {f"key{number}": number for number in range(13)}
    (read,) = read_file("a.json", json.dumps(value))
    assert read.remarks == (
        "What the file says as 'key0', 'key1', 'key2', 'key3', 'key4', 'key5', 'key6', 'key7', "
        "'key8', 'key9' and 3 more isn't kept.",
    )


@pytest.mark.parametrize(
    ("count", "named"),
    [
        (1, "'{{1a}}' looks like a blank and stays literal"),
        (5, "'{{4a}}', '{{5a}}' look like blanks and stay literal"),
        (6, "'{{4a}}', '{{5a}}' and 1 more look like blanks and stay literal"),
    ],
)
def test_of_what_looks_like_a_blank_the_first_are_named_and_the_others_counted(count, named):
    text = " ".join(f"{{{{{n}a}}}}" for n in range(1, count + 1))
    (read,) = read_file("a.json", json.dumps({"name": "a", "template": text}))
    (remark,) = read.remarks
    assert named in remark


def test_a_row_that_is_refused_is_refused_alone():
    refused, read = read_file("a.csv", "act,prompt\n,x\nB,y\n")
    assert isinstance(refused, Invalid)
    assert (read.metadata.name, read.format_name) == ("b", "csv")


def test_labels_by_version_are_kept_where_they_point_at_the_text_that_is_here():
    value = {"name": "a", "template": "x", "version": 2}
    (read,) = read_file("a.json", json.dumps(value | {"labels": {"best": 2}}))
    assert (read.labels, read.remarks) == (("best",), ())
    (read,) = read_file("a.json", json.dumps(value | {"labels": {"best": 2, "old": 1}}))
    assert read.labels == ("best",)
    assert read.remarks == (
        "Of the labels, 'old' aren't kept: they point at other versions, which aren't here, or "
        "share their reads out.",
    )


def test_what_is_told_of_a_file_makes_no_other_prompt():
    (read,) = read_file("a.json", '{"name": "a", "template": "x"}')
    (remarked,) = read_file(
        "a.json", '{"name": "a", "template": "x", "version": 2, "labels": {"old": 1, "best": 2}}'
    )
    assert remarked.remarks
    assert remarked.labels
    assert read == remarked
