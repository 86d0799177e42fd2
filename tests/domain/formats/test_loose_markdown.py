"""Markdown that nobody wrote for us: what its text means is told by what it says."""

import pytest

from mcp_server.domain.formats.fabric import read_pattern
from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.formats.registry import FORMATS, detect, read_file
from storage.values.entities import Argument, Message, Metadata, TextContent
from storage.values.errors import Invalid


def read(text: str, source: str = "a.md", template_format: str | None = None) -> PromptFile:
    (file,) = read_file(source, text, template_format=template_format)
    assert isinstance(file, PromptFile), file
    return file


def text_of(file: PromptFile) -> str:
    content = file.draft.messages[0].content
    assert isinstance(content, TextContent)
    return content.text


DECLARED = "---\narguments:\n- name: topic\n  description: Of the haiku\n---\n"


def test_a_file_that_declares_arguments_has_blanks() -> None:
    file = read(f"{DECLARED}On {{{{topic}}}}")
    assert (file.draft.template_format, file.remarks) == ("simple", ())
    assert file.draft.arguments == (Argument("topic", description="Of the haiku"),)


def test_a_file_that_names_its_arguments_has_blanks_in_its_own_notation() -> None:
    braces = read("---\narguments: [topic]\n---\nOn {{topic}}")
    assert (text_of(braces), braces.draft.template_format) == ("On {{topic}}", "simple")
    assert braces.draft.arguments == (Argument("topic", required=False),)
    dollars = read("---\narguments: [topic]\n---\nOn $topic, {{topic}}")
    assert text_of(dollars) == "On {{topic}}, \\{{topic}}"


def test_a_text_of_which_nothing_is_said_is_verbatim_and_that_is_said() -> None:
    file = read("On {{topic}}")
    assert (file.draft.template_format, file.draft.arguments) == ("text", ())
    assert file.remarks == (
        "Its blanks in double braces are literal text, as nothing in the file says that they are "
        "blanks. If they are, import it with the template format 'simple'.",
    )
    assert read("On {topic}").remarks == ()


@pytest.mark.parametrize("front", ["", "---\ntitle: A\n---\n"])
def test_how_a_text_is_meant_can_be_said(front: str) -> None:
    file = read(f"{front}On {{{{topic}}}}", template_format="simple")
    assert (file.draft.template_format, file.remarks) == ("simple", ())
    assert file.draft.arguments == (Argument("topic"),)


def test_what_a_file_says_itself_counts() -> None:
    assert read(f"{DECLARED}x", template_format="liquid").draft.template_format == "simple"
    ours = "---\nname: a\ntemplate_format: text\n---\n{{x}}"
    assert read(ours, template_format="simple").draft.template_format == "text"
    assert read(ours).remarks == ()


def test_a_text_that_can_not_be_meant_so_is_refused_with_its_place() -> None:
    (refused,) = read_file("a.md", "{% if", template_format="liquid")
    assert isinstance(refused, Invalid)
    assert refused.message.startswith("a.md: ")


@pytest.mark.parametrize(
    "text",
    ["---\ntemplate_format: simple\nname: a\n---\n{{1st}} {{a}} {{user.name}}",
     f"{DECLARED}{{{{1st}}}} {{{{user.name}}}}"],
)  # fmt: skip
def test_what_looks_like_a_blank_and_is_none_is_said(text: str) -> None:
    assert read(text).remarks == (
        "'{{1st}}', '{{user.name}}' look like blanks and stay literal: the name of a blank has "
        "letters, digits and '_', and begins with no digit.",
    )


def test_many_that_look_like_blanks_are_counted_in_every_format_with_braces() -> None:
    text = " ".join(f"{{{{{number}x}}}}" for number in range(7))
    for source, whole in (
        ("a.json", f'{{"name": "a", "template": "{text}"}}'),
        ("a.json", f'{{"name": "a", "prompt": "{text}", "type": "text"}}'),
        ("a.yaml", f"name: a\ntemplate: '{text}'\n"),
    ):
        (remark,) = read(whole, source).remarks
        assert "'{{4x}}' and 2 more look like" in remark
    (one,) = read('{"name": "a", "template": "{{1x}}"}', "a.json").remarks
    assert one.startswith("'{{1x}}' looks like a blank and stays literal")


def test_other_notations_have_no_look_alikes_in_braces() -> None:
    assert read("{{user.name}}", ".claude/commands/a.md").remarks == ()
    assert read("{{user.name}}", "a.prompt.md").remarks == ()


@pytest.mark.parametrize(
    ("path", "head", "format_name"),
    [
        ("plugin/tidy.md", "Do $ARGUMENTS", "claude-command"),
        ("plugin/tidy.md", "---\nargument-hint: [a]\n---\nx", "claude-command"),
        ("plugin/tidy.md", "---\nallowed-tools: Bash\n---\nx", "claude-command"),
        ("plugin/tidy.md", "---\nallowed-tools: Bash\n", "claude-command"),
        ("plugin/commands/tidy.md", "---\ndescription: Tidies\n---\nx", "claude-command"),
        ("plugin\\commands\\tidy.md", "---\ndescription: Tidies\n---\nx", "claude-command"),
        ("plugin/commands/tidy.md", "x", "markdown"),
        ("plugin/tidy.md", "---\ndescription: Tidies\n---\nx", "markdown"),
        ("plugin/tidy.md", "---\ntemplate_format: text\n---\n$ARGUMENTS", "markdown"),
        ("plugin/tidy.txt", "$ARGUMENTS", "markdown"),
        ("tidy/SKILL.md", "---\nallowed-tools: Bash\n---\n$ARGUMENTS", "skill"),
    ],
)
def test_commands_outside_of_their_folder_are_told_by_what_they_say(
    path: str, head: str, format_name: str
) -> None:
    assert detect(path, head) == format_name


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("x/.claude/commands/git/Fast Forward/a.md", "git/fast-forward"),
        ("commands/a.md", ""),
        ("plugin/commands/git/a.md", "git"),
        ("other/a.md", ""),
    ],
)
def test_a_command_is_in_the_folder_that_it_has_below_commands(path: str, folder: str) -> None:
    assert read("Do $ARGUMENTS", path).metadata.folder == folder


SKILL = "---\nname: move\ndescription: Moves\n{}---\nTow $boat and $ARGUMENTS"


@pytest.mark.parametrize("names", ["arguments: [boat, pier]\n", "arguments: boat pier\n"])
def test_a_skill_has_the_blanks_that_it_names(names: str) -> None:
    text = SKILL.format(names)
    file = read(text, "move/SKILL.md")
    assert text_of(file) == "Tow {{boat}} and {{arguments}}"
    assert [each.name for each in file.draft.arguments] == ["boat", "pier", "arguments"]
    again = FORMATS["skill"].writer()(file)
    assert (again.text, again.lost) == (text, ())
    ours = FORMATS["markdown"].writer()(file).text
    assert read(ours, "move.md").draft == file.draft


def test_a_hint_of_a_skill_names_its_blanks() -> None:
    text = "---\nname: a\ndescription: A\nargument-hint: [berth-no]\n---\nFree $ARGUMENTS / $0"
    file = read(text, "a/SKILL.md")
    assert text_of(file) == "Free {{arguments}} / {{berth_no}}"
    assert FORMATS["skill"].writer()(file).text == text


def test_a_skill_with_a_hint_and_no_blank_is_verbatim() -> None:
    text = "---\nname: a\ndescription: A\nargument-hint: [b]\n---\nFree {{b}}"
    file = read(text, "a/SKILL.md")
    assert (text_of(file), file.draft.template_format) == ("Free {{b}}", "text")
    plain = read(text.replace("{{b}}", "it"), "a/SKILL.md")
    assert (plain.draft.template_format, plain.draft.arguments) == ("text", ())


def test_everything_that_a_skill_does_not_speak_of_is_literal_and_that_is_said() -> None:
    file = read("---\nname: a\ndescription: A\n---\nFree $ARGUMENTS", "a/SKILL.md")
    assert text_of(file) == "Free $ARGUMENTS"
    assert file.remarks[0].startswith("'$ARGUMENTS' is literal text here")


@pytest.mark.parametrize(
    ("path", "title", "name"),
    [
        ("C#.md", "C#", "c"),
        ("F#/SKILL.md", "F#", "f"),
        ("Issue #12.md", "Issue #12", "issue-12"),
        ("a.b#c.md", "a.b#c", "a-b-c"),
    ],
)
def test_a_hash_belongs_to_a_file_name(path: str, title: str, name: str) -> None:
    said = read("x", path).metadata
    assert (said.title, said.name) == (title, name)


def test_lines_may_end_in_a_carriage_return_alone() -> None:
    file = read("---\rname: a\rtitle: A\r---\rText\r")
    assert (file.metadata, text_of(file)) == (Metadata("a", "A"), "Text\r")


def test_a_pattern_is_named_by_its_folder_and_has_a_message_or_two() -> None:
    file = read_pattern("\ufeffBe brief.", "Ask {{q}}", "patterns/Sum It/system.md")
    assert file.metadata == Metadata("sum-it", "Sum It")
    assert file.draft.messages == (
        Message("system", TextContent("Be brief.")),
        Message("user", TextContent("Ask {{q}}")),
    )
    assert len(read_pattern("x", " \n", "patterns/a/system.md").draft.messages) == 1
    with pytest.raises(Invalid, match=r"patterns/a/system\.md: "):
        read_pattern("", "", "patterns/a/system.md")
