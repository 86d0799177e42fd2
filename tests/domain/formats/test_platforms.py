"""Prompts of Langfuse, MLflow and OpenAI: each key that they know is kept, or it is said."""

import json
from typing import Any

import pytest

from mcp_server.domain.drafts import make_draft
from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.formats.registry import FORMATS, read_file
from storage.values.entities import ImageContent, Metadata, TextContent
from storage.values.errors import Invalid

LANGFUSE = {
    "name": "team/Greet",
    "type": "chat",
    "prompt": [{"type": "chatmessage", "role": "user", "content": "Hi {{who}}"}],
    "version": 3,
    "labels": ["production", "latest"],
    "tags": ["a"],
    "config": {"temperature": 0.2},
    "commitMessage": "third",
}
MLFLOW = {
    "name": "sum",
    "version": 4,
    "template": [{"role": "user", "content": "Sum {{ text }}"}],
    "tags": {"task": "sum", "short": "true"},
    "aliases": ["production"],
    "commit_message": "four",
    "model_config": {"temperature": 0},
    "response_format": {"type": "object", "properties": {"z": {}, "a": {}}},
}
OPENAI = {
    "name": "ask",
    "model": "gpt-4o",
    "temperature": 1,
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Ask {{it}}"}]}],
}


def read(value: object, format_name: str | None = None) -> PromptFile:
    (found,) = read_file("a.json", json.dumps(value), format_name)
    assert not isinstance(found, Invalid), found
    return found


def refusal(value: object, format_name: str | None = None) -> str:
    (found,) = read_file("a.json", json.dumps(value), format_name)
    assert isinstance(found, Invalid)
    return found.message


def written(file: PromptFile, format_name: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    one = FORMATS[format_name].writer()(file)
    return json.loads(one.text), one.lost


def test_of_langfuse_labels_and_commit_messages_are_kept_and_the_number_is_said():
    file = read(LANGFUSE)
    assert (file.labels, file.commit_message) == (("production",), "third")
    assert file.metadata == Metadata("greet", "Greet", None, "team", ("a",))
    assert file.remarks == ("What the file says as 'version' isn't kept.",)


def test_of_mlflow_aliases_tags_and_the_form_of_answers_are_kept_in_the_order_given():
    file = read(MLFLOW)
    assert (file.labels, file.commit_message) == (("production",), "four")
    assert file.metadata.tags == ("task:sum", "short")
    assert json.dumps(file.draft.model_config) == json.dumps(
        {
            "temperature": 0,
            "response_format": {"type": "object", "properties": {"z": {}, "a": {}}},
        }
    )
    assert file.remarks == ("What the file says as 'version' isn't kept.",)


def test_an_mlflow_prompt_comes_back_as_it_was():
    value, lost = written(read(MLFLOW), "mlflow")
    assert lost == ()
    assert value["tags"] == MLFLOW["tags"]
    assert json.dumps(value["response_format"]) == json.dumps(MLFLOW["response_format"])
    assert value["model_config"] == MLFLOW["model_config"]
    assert read(value).draft == read(MLFLOW).draft


@pytest.mark.parametrize(
    "tags",
    [("a",), ("a:b",), ("a:b", "a:c"), ("a", "a:b"), ("a:b", "a"), ("a:true",), (":b",), ("b:",),
     ("a:b:c",), ("a:",)],
)  # fmt: skip
def test_tags_with_and_without_values_come_back_from_mlflow(tags):
    file = PromptFile(Metadata("a", tags=tags), make_draft(template="x"), None, "a")
    assert set(read(written(file, "mlflow")[0]).metadata.tags) == set(tags)


def test_of_two_forms_of_answers_one_is_kept_and_that_is_said():
    value = MLFLOW | {"model_config": {"response_format": "x"}, "version": 1}
    file = read(value)
    assert file.draft.model_config == {"response_format": MLFLOW["response_format"]}
    assert file.remarks == (
        "The file's 'model_config.response_format' isn't kept: 'response_format' is.",
    )


def test_aliases_that_name_versions_are_labels_where_they_name_this_one():
    aliases = [{"alias": "production", "version": "4"}, {"alias": "old", "version": "3"}, 7]
    file = read(MLFLOW | {"aliases": aliases})
    assert file.labels == ("production",)
    assert file.remarks[0].startswith("The alias '{'alias': 'old', 'version': '3'}' isn't kept")
    assert file.remarks[1] == "The alias '7' isn't kept: it is another version's."


def test_labels_and_tags_that_nothing_here_can_have_are_said():
    file = read(LANGFUSE | {"labels": ["Team 1", "ok"], "tags": ["", "b"], "version": 1})
    assert (file.labels, file.metadata.tags) == (("ok",), ("b",))
    assert file.remarks[0].startswith("A tag isn't kept: 'tags' is blank")
    assert file.remarks[1].startswith("A label isn't kept: 'label' can't be 'Team 1'")


def with_unknown(value: Any) -> Any:
    """Put a key that nobody knows into every mapping of a value."""
    if isinstance(value, dict):
        inside = {key: with_unknown(each) for key, each in value.items()}
        return {**inside, "unheard_of": "!"}
    return [with_unknown(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (LANGFUSE, ("unheard_of", "prompt[0].unheard_of")),
        (MLFLOW, ("unheard_of", "template[0].unheard_of")),
        (OPENAI, ("messages[0].unheard_of", "messages[0].content[0].unheard_of")),
    ],
)
def test_a_key_that_nobody_knows_is_kept_or_said_on_every_level(value, said):
    file = read(with_unknown(value))
    sentence = " ".join(file.remarks)
    assert [place for place in said if f"'{place}'" in sentence] == list(said)
    kept = json.dumps(dict(file.draft.model_config)).count("unheard_of")
    of_tags = sum(tag.startswith("unheard_of") for tag in file.metadata.tags)
    told = sum(remark.count("unheard_of") for remark in file.remarks)
    assert kept + of_tags + told == json.dumps(with_unknown(value)).count("unheard_of")


def test_of_openai_who_is_named_and_the_weight_are_said():
    messages = [{"role": "user", "content": "x", "name": "nm", "weight": 0}]
    file = read({"messages": messages})
    assert file.remarks == (
        "What the file says as 'messages[0].name', 'messages[0].weight' isn't kept.",
    )


@pytest.mark.parametrize("content", ["ok", None, ""])
@pytest.mark.parametrize("calls", [{"tool_calls": [{"id": "1"}]}, {"function_call": {"name": "f"}}])
@pytest.mark.parametrize("whole", [True, False])
def test_calls_of_tools_are_refused_by_their_name_with_or_without_a_text(content, calls, whole):
    messages = [{"role": "assistant", "content": content, **calls}]
    sentence = refusal({"messages": messages} if whole else messages)
    (key,) = calls
    assert f"'messages[0].{key}' calls tools, which no prompt here can hold" in sentence


@pytest.mark.parametrize(
    "system", ["Be {{mood}}", [{"type": "text", "text": "Be {{mood}}", "cache_control": {"a": 1}}]]
)
def test_a_system_text_beside_the_messages_becomes_the_first_message(system):
    file = read({"model": "m", "system": system, "messages": [{"role": "user", "content": "x"}]})
    assert [each.role for each in file.draft.messages] == ["system", "user"]
    assert file.draft.messages[0].content == TextContent("Be {{mood}}")
    assert file.draft.model_config == {}
    assert file.remarks[0].startswith("The file's 'system' is read as the first message")
    assert (len(file.remarks) == 2) == isinstance(system, list)


def test_an_empty_system_text_says_nothing():
    file = read({"system": "", "messages": [{"role": "user", "content": "x"}]})
    assert (len(file.draft.messages), file.remarks) == (1, ())


def test_settings_dont_replace_what_a_prompt_says_in_openais_format():
    settings = {"messages": [1], "name": "n", "system": "s", "temperature": 1, "model": "other"}
    draft = make_draft(template="x", model_type="gpt-4o", model_config=settings)
    value, lost = written(PromptFile(Metadata("a"), draft, None, "a"), "openai")
    assert value == {
        "name": "a",
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": "x"}],
        "temperature": 1,
    }
    keys = ("name", "model", "system", "messages")
    assert lost == tuple(f"'{key}' of model_config" for key in keys)


def test_a_place_for_messages_and_a_role_that_isnt_there_are_called_what_they_are():
    assert "messages that are filled in later ('history')" in refusal(
        {"name": "a", "prompt": [{"type": "placeholder", "name": "history"}]}
    )
    assert "'messages[0].content' is missing" in refusal(
        {"messages": [{"role": "user", "name": "n"}]}
    )


def test_pictures_come_in_and_go_out():
    url = {"url": "data:image/png;base64,aW1n", "detail": "low"}
    part = {"type": "image_url", "image_url": url}
    file = read({"messages": [{"role": "user", "content": [part]}]})
    assert file.draft.messages[0].content == ImageContent("aW1n", "image/png")
    assert file.remarks == (
        "What the file says as 'messages[0].content[0].image_url.detail' isn't kept.",
    )
    elsewhere = {"type": "image_url", "image_url": {"url": "https://x/y.png"}}
    assert "leads to a picture elsewhere" in refusal(
        {"messages": [{"role": "user", "content": [elsewhere]}]}
    )
    assert "is 'image', which isn't read here" in refusal(
        {"messages": [{"role": "user", "content": [{"type": "image"}]}]}
    )


@pytest.mark.parametrize("format_name", ["langfuse", "mlflow", "openai"])
def test_blanks_are_called_in_every_script(format_name):
    template = "{{नाम}} {{ Straße }} {{1st}}"
    key = {"langfuse": "prompt", "mlflow": "template"}.get(format_name)
    text = {key: template} if key else {"messages": [{"role": "user", "content": template}]}
    file = read(text, format_name)
    assert [each.name for each in file.draft.arguments] == ["नाम", "Straße"]
    value, lost = written(file, format_name)
    assert (template in json.dumps(value, ensure_ascii=False), lost) == (True, ())


def test_tags_of_mlflow_may_be_a_list_and_its_description_comes_back():
    value = {"name": "a", "template": "x", "aliases": ["b"], "tags": ["t"], "description": "D"}
    file = read(value)
    assert file.metadata == Metadata("a", None, "D", "", ("t",))
    again, lost = written(file, "mlflow")
    assert (again["description"], again["tags"], lost) == ("D", {"t": "true"}, ())


def test_a_picture_that_came_in_goes_out_as_it_was():
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aW1n"}}
    file = read({"messages": [{"role": "user", "content": [part]}]})
    value, lost = written(file, "openai")
    assert value["messages"] == [{"role": "user", "content": [part]}]
    assert lost == ()


def test_a_picture_has_no_place_in_langfuse():
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aW1n"}}
    file = read({"messages": [{"role": "user", "content": [part]}]})
    with pytest.raises(Invalid, match="has a message that isn't text, which this format"):
        written(file, "langfuse")


@pytest.mark.parametrize("kind", ["text", "chat"])
def test_a_prompt_of_langfuse_says_which_of_its_two_kinds_it_is(kind):
    say = {"role": "user", "content": "x"}
    prompt = "x" if kind == "text" else [say | {"role": "system"}, say]
    value, _ = written(read({"name": "a", "type": kind, "prompt": prompt}), "langfuse")
    assert (value["type"], value["prompt"]) == (kind, prompt)
