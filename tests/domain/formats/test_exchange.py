"""Formats of other programs: what they hold comes in and goes out, what they can't is said."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mcp_server.domain.drafts import content_hash, make_draft
from mcp_server.domain.formats.csv_format import read_csv
from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.formats.registry import FORMATS, detect, guarded, read_file
from storage.values.entities import Argument, Draft, Message, Metadata, TextContent
from storage.values.errors import Invalid
from tests.support.settings import SETTINGS

DATA = Path(__file__).parents[4] / "shared" / "data"
SIMPLE = [name for name in FORMATS if name not in ("csv", "skill")]


def a_file(draft: Draft, name: str = "poet", **said: object) -> PromptFile:
    return PromptFile(Metadata(name, **said), draft, None, name)  # type: ignore[arg-type]


def written(file: PromptFile, format_name: str) -> tuple[str, str, tuple[str, ...]]:
    """Return the name and text of the file that a prompt becomes, and what is lost."""
    chosen = FORMATS[format_name]
    one = chosen.writer()(file)
    frame = chosen.frame
    text = f"{frame.start}{one.text}{frame.end}" if frame else one.text
    return chosen.file_name(file), text, one.lost


def back(file: PromptFile, format_name: str) -> PromptFile:
    place, text, _ = written(file, format_name)
    (read,) = read_file(place, text, format_name)
    assert not isinstance(read, Invalid), read
    return read


def texts(draft: Draft) -> list[str]:
    return [each.content.text for each in draft.messages]


@pytest.mark.parametrize("format_name", SIMPLE)
def test_a_text_with_blanks_comes_back(format_name):
    draft = make_draft(template="Rhyme {{words}} in {{style}}.\n\nWith $dollars and {braces}.\n")
    file = a_file(draft)
    read = back(file, format_name)
    if format_name == "claude-command":  # has no words that have to be given
        draft = replace(draft, arguments=tuple(replace(a, required=False) for a in draft.arguments))
    assert content_hash(read.draft) == content_hash(draft)
    assert read.metadata.name == "poet"


@pytest.mark.parametrize("format_name", ["json", "jsonl", "yaml", "langfuse", "mlflow", "openai"])
def test_a_conversation_comes_back(format_name):
    messages = [
        Message("system", TextContent("Be {{mood}}.")),
        Message("user", TextContent("{{question}}")),
    ]
    draft = make_draft(messages=messages, model_config={"temperature": 0.5})
    assert content_hash(back(a_file(draft), format_name).draft) == content_hash(draft)


@pytest.mark.parametrize("format_name", ["skill", "claude-command", "vscode", "csv"])
def test_a_conversation_is_refused_where_it_has_no_place(format_name):
    draft = make_draft(messages=[Message("system", TextContent("x"))] * 2)
    with pytest.raises(Invalid, match="more than one user text"):
        written(a_file(draft), format_name)


@pytest.mark.parametrize(
    "format_name", [name for name in FORMATS if name not in ("json", "jsonl", "yaml", "markdown")]
)
def test_liquid_is_refused_where_nobody_would_know_it(format_name):
    draft = make_draft(template="{% if a %}x{% endif %}", template_format="liquid")
    with pytest.raises(Invalid, match="is liquid, which"):
        written(a_file(draft), format_name)


@pytest.mark.parametrize("format_name", ["json", "yaml", "markdown"])
def test_our_own_formats_keep_everything_of_a_version(format_name):
    draft = make_draft(
        template="{% if a %}{{ b }}{% endif %}",
        template_format="liquid",
        arguments=[Argument("a", type="boolean", required=False, description="Whether")],
        model_type="gpt-4",
        model_config={"temperature": 1},
        variants={"claude-*": [Message("user", TextContent("{{ b }}"))]},
    )
    file = a_file(draft, title="Poet", description="Rhymes: all", folder="arts/x", tags=("a, b",))
    read = back(file, format_name)
    assert content_hash(read.draft) == content_hash(draft)
    assert read.metadata == file.metadata
    assert written(file, format_name)[2] == ()


@pytest.mark.parametrize("format_name", ["json", "jsonl", "yaml", "markdown"])
@given(config=SETTINGS)
def test_our_own_formats_keep_settings_as_they_are_written(format_name, config):
    draft = make_draft(template="x", model_config=config)
    assert json.dumps(back(a_file(draft), format_name).draft.model_config) == json.dumps(config)


def test_what_is_lost_is_named():
    draft = make_draft(
        template="{{> tone}} {{a}}", arguments=[Argument("a", default="x", description="The A")],
        variants={"gpt-*": [Message("user", TextContent("{{a}}"))]}, model_type="gpt-4",
    )  # fmt: skip
    file = a_file(draft, title="T", description="D", folder="f", tags=("t",))
    declared = "what its arguments are declared as"
    assert written(file, "claude-command")[2] == (
        declared, "variants", "the include of 'tone'", "title", "tags",
    )  # fmt: skip
    assert written(file, "langfuse")[2] == (
        declared, "variants", "model_type", "title", "description",
    )  # fmt: skip
    assert "the include of 'tone'" in written(file, "openai")[2]
    assert "its blanks and includes, which are literal text in a skill" in written(file, "skill")[2]


def test_braces_that_are_literal_are_lost_in_langfuse_and_said():
    assert "braces that are literal" in written(a_file(make_draft(template=r"\{{a}}")), "mlflow")[2]


def test_a_claude_code_command():
    text = (
        "---\nallowed-tools: Bash(git add:*)\nargument-hint: [issue] [priority]\n"
        "description: Fix it\nmodel: opus\n---\nFix #$1 ({{not}} $10, $ARGUMENTSX) at $2.\n"
    )
    (read,) = read_file("/home/x/.claude/commands/git/fix-issue.md", text)
    assert texts(read.draft) == ["Fix #{{issue}} (\\{{not}} $10, $ARGUMENTSX) at {{priority}}.\n"]
    assert [each.name for each in read.draft.arguments] == ["issue", "priority"]
    assert read.metadata == Metadata("fix-issue", None, "Fix it", "git")
    assert read.draft.model_type == "opus"
    place, again, lost = written(read, "claude-command")
    assert (place, lost) == (".claude/commands/git/fix-issue.md", ())
    (twice,) = read_file(place, again)
    assert (twice.draft, twice.metadata) == (read.draft, read.metadata)


def test_a_command_with_all_arguments_in_one():
    (read,) = read_file(".claude/commands/a.md", "Do $ARGUMENTS now")
    assert texts(read.draft) == ["Do {{arguments}} now"]
    assert written(read, "claude-command")[1] == "Do $ARGUMENTS now"


def test_a_vscode_prompt_file():
    text = (
        "---\nagent: ask\ntools: ['search']\ndescription: A form\n---\n"
        "Make ${input:formName:MyForm} in ${workspaceFolder} for ${input:formName} {{x}}\n"
    )
    (read,) = read_file("x/create-form.prompt.md", text)
    assert texts(read.draft) == [
        "Make {{formName}} in ${workspaceFolder} for {{formName}} \\{{x}}\n"
    ]
    assert read.draft.arguments == (Argument("formName", description="MyForm"),)
    assert read.metadata == Metadata("create-form", None, "A form")
    place, again, lost = written(read, "vscode")
    assert (place, lost) == (".github/prompts/create-form.prompt.md", ())
    (twice,) = read_file(place, again)
    assert twice.draft == read.draft


def test_a_vscode_prompt_file_names_its_blanks_in_any_script():
    (read,) = read_file("x.prompt.md", "${input:नाम:Who} ${input:cafe\u0301} ${input:1st}\n")
    assert texts(read.draft) == ["{{नाम}} {{café}} ${input:1st}\n"]
    assert [(each.name, each.description) for each in read.draft.arguments] == [
        ("नाम", "Who"), ("café", None),
    ]  # fmt: skip


def test_a_langfuse_prompt_with_includes():
    value = {
        "name": "team/Movie Critic", "type": "text", "version": 3, "labels": ["production"],
        "tags": ["films"], "config": {"model": "gpt-4"},
        "prompt": "@@@langfusePrompt:name=Tone|label=production@@@ \\{{ film }} {{a.b}} "
        "@@@langfusePrompt:name=rules|version=2@@@ {{> x}}",
    }  # fmt: skip
    (read,) = read_file("p.json", json.dumps(value))
    assert texts(read.draft) == [
        "{{> tone@production}} \\\\{{ film }} {{a.b}} {{> rules@2}} \\{{> x}}"
    ]
    assert [each.name for each in read.draft.arguments] == ["film"]
    assert read.metadata == Metadata("movie-critic", "Movie Critic", None, "team", ("films",))
    again = json.loads(written(read, "langfuse")[1])[0]
    assert (
        again["prompt"].replace("name=tone", "name=Tone").replace("{{film}}", "{{ film }}")
        == (value["prompt"])
    )


def test_a_langfuse_chat_with_a_place_for_messages_is_refused():
    chat = [{"role": "system", "content": "x"}, {"type": "placeholder", "name": "history"}]
    (refused,) = read_file("p.json", json.dumps({"name": "a", "prompt": chat}))
    assert "messages that are filled in later ('history')" in refused.message


def test_an_mlflow_prompt():
    value = {
        "name": "qa", "version": 2, "template": "Answer {{ question }}", "commit_message": "x",
        "tags": {"team": "ai", "short": "true"}, "creation_timestamp": 1,
    }  # fmt: skip
    (read,) = read_file("p.json", json.dumps(value))
    assert texts(read.draft) == ["Answer {{ question }}"]
    assert read.metadata.tags == ("team:ai", "short")


@pytest.mark.parametrize("whole", [True, False])
def test_messages_of_openai(whole):
    messages = [
        {"role": "developer", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is {{this}}?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aW1n"}},
            ],
        },
    ]
    value = {"model": "gpt-4o", "temperature": 1, "messages": messages} if whole else messages
    (read,) = read_file("dir/what-is.json", json.dumps(value))
    assert [each.role for each in read.draft.messages] == ["system", "user", "user"]
    assert read.metadata.name == "what-is"
    assert (read.draft.model_type, read.draft.model_config) == (
        ("gpt-4o", {"temperature": 1}) if whole else (None, {})
    )


def test_many_of_one_file_get_names_that_dont_hang_on_where_they_stand():
    lines = [json.dumps({"messages": [{"role": "user", "content": f"{n}"}]}) for n in range(2)]
    names = [each.metadata.name for each in read_file("chats.jsonl", "\n".join(lines))]
    assert all(re.fullmatch("chats-[0-9a-f]{6}", name) for name in names)
    turned = [each.metadata.name for each in read_file("chats.jsonl", "\n".join(lines[::-1]))]
    assert turned == names[::-1]
    (alone,) = read_file("chats.jsonl", lines[0])
    assert alone.metadata.name == "chats"


def test_calls_of_tools_are_refused():
    value = {"messages": [{"role": "tool", "content": "x"}]}
    (refused,) = read_file("a.json", json.dumps(value))
    assert "'messages[0].role' is 'tool'" in refused.message


@pytest.mark.parametrize(
    ("name", "head", "format_name"),
    [
        ("a.json", "", "json"), ("a.yml", "", "yaml"), ("a.CSV", "", "csv"),
        ("a.md", "", "markdown"),
        (".claude/commands/x/a.md", "", "claude-command"), ("a.prompt.md", "", "vscode"),
        ("a", "[{}]", "json"), ("a", "act,prompt\n", "csv"), ("a", "---\n", "markdown"),
    ],
)  # fmt: skip
def test_a_format_is_told_by_name_or_beginning(name, head, format_name):
    assert detect(name, head) == format_name


_TEXTS = st.text(
    alphabet=st.one_of(st.sampled_from(list("${}:@|\\>1 aARGUMENTS\n-input")), st.characters()),
    min_size=1, max_size=60,
).filter(lambda text: text.strip() and "\0" not in text)  # fmt: skip


@pytest.mark.parametrize("format_name", [name for name in FORMATS if name != "csv"])
@given(text=_TEXTS)
@example(text="\ufeff")
@example(text="\ufeffa")
def test_any_text_comes_back_or_what_is_lost_is_said(format_name, text):
    try:
        draft = make_draft(template=text)
        place, out, lost = written(a_file(draft), format_name)
    except Invalid:
        return
    (read,) = read_file(place, out, format_name)
    if not lost:
        assert not isinstance(read, Invalid), read
        served = {argument.name: f"<{argument.name}>" for argument in draft.arguments}
        assert _filled(read.draft, served) == _filled(draft, served)


def _filled(draft: Draft, values: dict[str, str]) -> list[str]:
    from mcp_server.domain.templates import template_engine

    engine = template_engine(draft.template_format)
    return [engine.fill(text, values) for text in texts(draft)]


@given(st.text(alphabet='{}[]",:0123456789.eE+-\\ntrue\n ', max_size=40))
def test_whatever_is_in_a_json_file_is_read_or_refused(text):
    for format_name in ("json", "langfuse", "mlflow", "openai"):
        for each in read_file("a.json", text, format_name):
            assert isinstance(each, PromptFile | Invalid)


@pytest.mark.skipif(not DATA.is_dir(), reason="the real prompts aren't beside this clone")
@pytest.mark.parametrize("format_name", [name for name in FORMATS if name != "csv"])
def test_real_prompts_come_back_from_every_format(format_name):
    source = DATA / "prompts-chat.csv"
    files = list(read_csv(source.read_bytes().decode(), "p.csv"))[::7]
    for path in sorted(DATA.glob("skills/*/SKILL.md"))[::5]:
        files += read_file(str(path), path.read_bytes().decode())
    kept = 0
    for file in files:
        assert isinstance(file, PromptFile)
        _, _, lost = written(file, format_name)
        read = back(file, format_name)
        if not set(lost) - {"title", "description", "folder", "tags"}:
            values = {argument.name: "<x>" for argument in file.draft.arguments}
            assert _filled(read.draft, values) == _filled(file.draft, values)
            kept += 1
    assert kept > len(files) / 3


def test_an_include_has_no_place_in_a_vscode_prompt_file_and_that_is_said():
    _, text, lost = written(a_file(make_draft(template="{{> tone}} Greet {{who}}.")), "vscode")
    assert text.endswith("{{> tone}} Greet ${input:who}.")
    assert "the include of 'tone'" in lost


def test_an_include_of_a_branch_is_lost_in_langfuse_and_said():
    draft = make_draft(template="{{> tone@branch:terse}} {{> tone@2}} {{> tone}}")
    _, text, lost = written(a_file(draft), "langfuse")
    (value,) = json.loads(text)
    assert value["prompt"] == (
        "{{> tone@branch:terse}} @@@langfusePrompt:name=tone|version=2@@@ "
        "@@@langfusePrompt:name=tone|label=production@@@"
    )
    assert lost == ("the include of 'tone@branch:terse'",)


def test_a_command_that_becomes_a_skill_keeps_its_arguments():
    text = "---\nargument-hint: '[who]'\n---\nGreet $1.\n"
    (read,) = read_file(".claude/commands/greet.md", text)
    _, skill, _ = written(read, "skill")
    assert "\nargument-hint: '[who]'\n" in skill
    assert skill.endswith("\nGreet $1.\n")


def test_a_command_outside_of_every_folder_for_commands_is_in_no_folder():
    (read,) = read_file("notes/fix.md", "Fix $ARGUMENTS", "claude-command")
    assert (read.metadata.name, read.metadata.folder) == ("fix", "")


def test_only_cells_are_guarded():
    with pytest.raises(Invalid, match="has no cells that a spreadsheet would run"):
        guarded(FORMATS["json"])


def test_a_file_of_another_kind_is_no_prompt():
    with pytest.raises(Invalid, match=r"'a\.docx' is no file that prompts are read from"):
        detect("a.docx", "")


def test_json_is_written_with_letters_as_they_are():
    (file,) = read_file("a.json", '{"name": "a", "template": "caf\\u00e9"}')
    assert "café" in FORMATS["json"].writer()(file).text


def test_histories_are_kept_by_our_own_formats():
    keeping = {name for name, each in FORMATS.items() if each.keeps_history}
    assert keeping == {"json", "jsonl", "yaml"}
