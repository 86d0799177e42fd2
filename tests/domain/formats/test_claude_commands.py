"""Commands and skills of Claude Code: their blanks come in, and go out as they were."""

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.domain.drafts import make_draft
from mcp_server.domain.formats.files import PromptFile, Written
from mcp_server.domain.formats.front_matter import (
    has_front_matter,
    join_front_matter,
    split_front_matter,
)
from mcp_server.domain.formats.registry import FORMATS, read_file
from mcp_server.domain.templates import template_engine
from storage.values.entities import Argument, Message, Metadata, TextContent
from storage.values.errors import Invalid

COMMAND = ".claude/commands/moor.md"


def read(text: str, source: str = COMMAND) -> PromptFile:
    (file,) = read_file(source, text)
    assert isinstance(file, PromptFile), file
    return file


def text_of(file: PromptFile) -> str:
    (message,) = file.draft.messages
    assert isinstance(message.content, TextContent)
    return message.content.text


def names_of(file: PromptFile) -> list[str]:
    return [each.name for each in file.draft.arguments]


def written(file: PromptFile, format_name: str = "claude-command") -> Written:
    return FORMATS[format_name].writer()(file)


def with_text(file: PromptFile, text: str) -> PromptFile:
    draft = make_draft(
        template=text,
        arguments=[each for each in file.draft.arguments if f"{{{{{each.name}}}}}" in text],
        model_config=file.draft.model_config,
    )
    return replace(file, draft=draft)


def body_of(text: str) -> str:
    return split_front_matter(text, "x", lenient=True)[1] if has_front_matter(text) else text


@pytest.mark.parametrize(
    ("front", "body", "template", "names"),
    [
        ("", "Tow $ARGUMENTS.", "Tow {{arguments}}.", ["arguments"]),
        ("argument-hint: [boat]", "Tow $ARGUMENTS.", "Tow {{boat}}.", ["boat"]),
        ("argument-hint: boat", "Tow $ARGUMENTS.", "Tow {{boat}}.", ["boat"]),
        ("argument-hint: any boat", "Tow $ARGUMENTS.", "Tow {{arguments}}.", ["arguments"]),
        ("argument-hint: 7", "Tow $ARGUMENTS.", "Tow {{arguments}}.", ["arguments"]),
        ("argument-hint: {a: b}", "Tow $ARGUMENTS.", "Tow {{arguments}}.", ["arguments"]),
        (
            "argument-hint: '[boat] [pier]'",
            "$0 to $1, $0",
            "{{boat}} to {{pier}}, {{boat}}",
            ["boat", "pier"],
        ),
        ("argument-hint: [boat, pier]", "$0 to $1", "{{boat}} to {{pier}}", ["boat", "pier"]),
        ('argument-hint: ["[boat]", <pier>]', "$0 to $1", "{{boat}} to {{pier}}", ["boat", "pier"]),
        # Written when commands counted from 1: counting from 0, nothing would be called `pier`.
        ("argument-hint: '[boat] [pier]'", "$1 to $2", "{{boat}} to {{pier}}", ["boat", "pier"]),
        ("argument-hint: '[boat] [pier]'", "$1", "{{pier}}", ["pier"]),
        ("argument-hint: '[boat]'", "$1", "{{boat}}", ["boat"]),
        (
            "argument-hint: '[boat] [pier]'",
            "$ARGUMENTS[0] $ARGUMENTS[1] $2",
            "{{boat}} {{pier}} {{argument_2}}",
            ["boat", "pier", "argument_2"],
        ),
        (
            "argument-hint: '[boat] [pier]'",
            "$1 to $2: $ARGUMENTS",
            "{{boat}} to {{pier}}: {{arguments}}",
            ["boat", "pier", "arguments"],
        ),
        ("", "At $3, $2", "At {{argument_3}}, {{argument_2}}", ["argument_2", "argument_3"]),
        ("arguments: [boat, pier]", "$boat at $1", "{{boat}} at {{pier}}", ["boat", "pier"]),
        ("arguments: [नाव]", "$नाव", "{{नाव}}", ["नाव"]),
        ("arguments: boat pier", "$boat $boats", "{{boat}} $boats", ["boat", "pier"]),
        ("arguments: [old-tug, old]", "$old-tug $old", "{{old_tug}} {{old}}", ["old_tug", "old"]),
        ("arguments: [1, two]", "$two", "$two", []),
        ("arguments: ['1', 'a b', boat]", "$boat", "{{boat}}", ["boat"]),
        (
            "argument-hint: '[a-b] [a_b] [arguments]'",
            "$0 $1 $2 $ARGUMENTS",
            "{{a_b}} {{a_b_}} {{arguments}} {{arguments_}}",
            ["a_b", "a_b_", "arguments", "arguments_"],
        ),
        (r"", r"\$1 \$ARGUMENTS $1", "$1 $ARGUMENTS {{argument_1}}", ["argument_1"]),
        ("", r"\\$1 \$x $$1", r"\\\\{{argument_1}} \$x ${{argument_1}}", ["argument_1"]),
        ("", "$ARGUMENTSX $1a $x", "$ARGUMENTSX $1a $x", []),
        ("", "{{a}} $0", r"\{{a}} {{argument_0}}", ["argument_0"]),
    ],
)  # fmt: skip
def test_blanks_are_read_as_claude_code_counts_them(
    front: str, body: str, template: str, names: list[str]
) -> None:
    text = f"---\n{front}\n---\n{body}" if front else body
    file = read(text)
    assert text_of(file) == template
    assert names_of(file) == names
    assert not any(each.required for each in file.draft.arguments)
    again = written(file)
    assert (body_of(again.text), again.lost) == (body, ())
    assert read(again.text).draft == file.draft


@pytest.mark.parametrize(
    ("front", "body", "blanks"),
    [
        ("", "Run `cut $1`", []),
        ("", "Sizes:\n\n    du | awk '{print $1}'\n\nand $2", ["argument_2"]),
        ("", "Sizes:\n```sh\ncut $1\n```\nand $2", ["argument_2"]),
        ("", "~~~\n$1\n```\n$2", []),
        ("", "It costs $5.50, $3,000 or $2-4", []),
        ("", "In $10 and $12", []),
        ("argument-hint: '[a] [b]'", "Run `cut $1 $2` and `cut $3`", ["a", "b"]),
        ("argument-hint: '[a]'", "Do $ARGUMENTS with `cut $1`", ["a"]),
        ("argument-hint: '[a] [b]'", "Do $ARGUMENTS with `cut $1`", ["arguments"]),
        (
            "argument-hint: '[a] [b]'",
            "Do $ARGUMENTS for $0 with `cut $1`",
            ["a", "b", "arguments"],
        ),
        ("arguments: [a, b]", "Do $ARGUMENTS with `cut $1`", ["a", "b", "arguments"]),
        ("arguments: [a, b]", "`cut $2`, $ARGUMENTS[2]", ["a", "b", "argument_2"]),
    ],
)
def test_a_number_in_code_is_a_blank_only_where_a_hint_or_arguments_counts_so_far(
    front: str, body: str, blanks: list[str]
) -> None:
    file = read(f"---\n{front}\n---\n{body}" if front else body)
    assert names_of(file) == blanks
    assert body_of(written(file).text) == body


def test_what_looks_like_a_blank_and_is_none_is_said() -> None:
    assert read("Run `cut $1` and `cut $2 $1`").remarks == (
        "'$1', '$2' are literal, as in code or money: neither 'arguments' nor 'argument-hint' "
        "counts so far.",
    )
    assert read("Pay $5.50").remarks[0].startswith("'$5' is literal")
    assert read("Pay $ARGUMENTS").remarks == ()


def test_a_hint_with_hyphens_names_an_identifier_and_stays_as_it_was() -> None:
    text = "---\nargument-hint: '[berth-number] [--to: new quay]'\n---\nFree $1 at $2\n"
    file = read(text)
    assert file.draft.arguments == (
        Argument("berth_number", "berth-number", required=False),
        Argument("to_new_quay", "--to: new quay", required=False),
    )
    assert written(file).text == text


def test_a_hint_that_makes_no_name_is_a_title() -> None:
    hint = "?" * 50
    file = read(f"---\nargument-hint: '[{hint}] [1st]'\n---\n$0 $1 $ARGUMENTS\n")
    assert [(each.name, each.title) for each in file.draft.arguments] == [
        ("argument_0", hint), ("argument_1", "1st"), ("arguments", None),
    ]  # fmt: skip


def test_a_list_stays_a_list_on_one_line() -> None:
    text = "---\nargument-hint: [environment]\n---\nRoll out to $ARGUMENTS.\n"
    assert written(read(text)).text == text


def test_only_the_line_that_is_no_yaml_is_read_as_a_text() -> None:
    text = (
        "---\ndescription: Use when: never\n  or always\nargument-hint: [a] [b]\n"
        "disable-model-invocation: true\neffort: 3\nallowed-tools: [Read,\n  Grep]\n"
        "hooks:\n  Stop:\n  - type: command\n---\nDo $1 and $2\n"
    )
    file = read(text)
    assert file.metadata.description == "Use when: never or always"
    assert file.draft.model_config["front_matter"] == {
        "argument-hint": "[a] [b]",
        "disable-model-invocation": True,
        "effort": 3,
        "allowed-tools": ["Read", "Grep"],
        "hooks": {"Stop": [{"type": "command"}]},
    }
    assert "\ndisable-model-invocation: true\neffort: 3\nallowed-tools: [Read, Grep]\n" in (
        written(file).text
    )


@pytest.mark.parametrize("head", ["a: b: c\n[", "'a: b", "a: |\n x\n\ty: ]\n- ["])
def test_what_can_not_even_be_read_line_by_line_is_refused(head: str) -> None:
    (refused,) = attempt(f"---\nx: y: z\n{head}\n---\nx")
    assert "is no YAML that can be read" in refused.message


def attempt(text: str) -> list[Invalid]:
    try:
        return [each for each in read_file(COMMAND, text) if isinstance(each, Invalid)]
    except Invalid as refusal:
        return [refusal]


def test_other_words_leave_the_blanks_as_they_were_written() -> None:
    text = "---\narguments: [boat, pier]\n---\nTow $boat, $0 and $ARGUMENTS[0] off $pier"
    file = read(text)
    assert file.draft.model_config["blanks"] == {"boat": ["$boat", "$0", "$ARGUMENTS[0]"]}
    changed = with_text(file, "Pull {{boat}}, {{boat}} or {{boat}} from {{pier}}. {{boat}}")
    assert body_of(written(changed).text) == (
        "Pull $boat, $0 or $ARGUMENTS[0] from $pier. $ARGUMENTS[0]"
    )


def test_an_argument_that_the_file_did_not_have_is_named_in_arguments() -> None:
    file = read("---\nargument-hint: '[boat-type] [pier]'\n---\nTow $0 to $1")
    again = written(with_text(file, "Tow {{boat_type}} to {{pier}} with {{tug}}"))
    assert again.text == (
        "---\nargument-hint: '[boat-type] [pier] [tug]'\narguments: [boat-type, pier, tug]\n---\n"
        "Tow $boat-type to $pier with $tug"
    )


@pytest.mark.parametrize("template", ["Tow {{boat}}", "Tow {{boat}} to {{pier}}", "Tow"])
def test_a_command_that_we_wrote_is_read_as_what_it_was_but_for_its_blanks_being_optional(
    template: str,
) -> None:
    draft = make_draft(template=template)
    file = read(written(PromptFile(Metadata("moor"), draft, None, "")).text)
    optional = [replace(each, required=False) for each in draft.arguments]
    assert file.draft == replace(draft, arguments=tuple(optional))


@pytest.mark.parametrize(
    ("template", "body"),
    [
        ("{{a}}", "$ARGUMENTS"),
        ("{{a}}px", "$ARGUMENTS[0]px"),
        ("{{a}}{{b}}[0]", "$a$ARGUMENTS[1][0]"),
        ("{{b}}-{{a}}", "$ARGUMENTS[0]-$a"),
        ("{{größe}} {{a}}", "$größe $a"),
        ("Pay $1, $a or $ARGUMENTS: {{a}} {{b}}", "Pay \\$1, \\$a or \\$ARGUMENTS: $a $b"),
        ("Pay $ARGUMENTS", "Pay \\$ARGUMENTS"),
        ("`cut $1`", "`cut $1`"),
    ],
)
def test_a_text_that_was_never_a_command_is_one_that_reads_the_same(
    template: str, body: str
) -> None:
    file = PromptFile(Metadata("moor"), make_draft(template=template), None, "")
    again = written(file)
    assert (body_of(again.text), again.lost) == (body, ())
    assert text_of(read(again.text)) == template


def test_a_verbatim_text_is_literal_as_a_command_too() -> None:
    draft = make_draft(template="{{a}} $ARGUMENTS", template_format="text")
    again = written(PromptFile(Metadata("moor"), draft, None, ""))
    assert again.text == "{{a}} \\$ARGUMENTS"
    assert text_of(read(again.text)) == "\\{{a}} $ARGUMENTS"


def test_what_no_command_can_say_is_named() -> None:
    file = PromptFile(
        Metadata("moor"), make_draft(template="\\\\{{a}} and \\\\$ARGUMENTS"), None, ""
    )
    assert written(file).lost == ("'$' and '\\' beside blanks",)


@pytest.mark.parametrize("kept", [5, {"a": 5, "b": []}, {"a": ["$x"]}, {"a": "$1 and $2"}])
def test_notations_that_nobody_could_have_read_are_passed_over(kept: Any) -> None:
    draft = make_draft(template="{{a}}", model_config={"blanks": kept})
    assert body_of(written(PromptFile(Metadata("moor"), draft, None, "")).text) == "$ARGUMENTS"


_KEYS = st.fixed_dictionaries(
    {},
    optional={
        "argument-hint": st.sampled_from(
            [
                "[a] [b]",
                "[a-b]",
                ["a"],
                ["a", "b-c"],
                "word",
                "more words",
                "<x> [a b] [1st]",
                3,
                "[]",
            ]
        ),
        "arguments": st.sampled_from([["a", "b"], "a b", ["a-b", "a"], [1], "1 x", [], {"a": "b"}]),
        "allowed-tools": st.just("Bash"),
    },
)
_PIECES = st.lists(
    st.sampled_from(
        ["$ARGUMENTS", "$ARGUMENTS[0]", "$ARGUMENTS[2]", "$0", "$1", "$2", "$3", "$10", "$a", "$b",
         "$a-b", "$x", "\\", "\\$1", "\\$ARGUMENTS", "$", " ", "\n", "\n\n    ", "\n```\n", "`",
         "``", "{{a}}", "\\{{", "}}", "1", "x", "[0]", ".5", "-", "~~~", "\r\n", "\t",
         "{{> x}}", "é"]
    ),
    min_size=1, max_size=14,
).map("".join).filter(lambda text: text.strip() and not text.startswith("---"))  # fmt: skip


@given(keys=_KEYS, body=_PIECES)
def test_any_command_comes_back_as_it_was(keys: dict[str, Any], body: str) -> None:
    file = read(join_front_matter(keys, body) if keys else body)
    again = written(file)
    assert (body_of(again.text), again.lost) == (body, ())
    twice = read(again.text)
    assert (twice.draft, twice.metadata) == (file.draft, file.metadata)


@given(template=_PIECES.map(lambda text: re.sub(r"\$(ab?|x)\b", r"{{\1}}", text)))
def test_any_text_is_a_command_that_fills_the_same_or_it_is_said(template: str) -> None:
    draft = make_draft(template=template)
    again = written(PromptFile(Metadata("moor"), draft, None, ""))
    if not again.lost:
        engine = template_engine("simple")
        values = {each.name: f"<{each.name}>" for each in draft.arguments}
        assert names_of(read(again.text)) == [each.name for each in draft.arguments]
        assert engine.fill(text_of(read(again.text)), values) == engine.fill(template, values)


def test_a_message_of_another_role_is_no_command() -> None:
    draft = make_draft(messages=[Message("system", TextContent("x"))] * 2)
    with pytest.raises(Invalid, match="more than one user text, which a command can't hold"):
        written(PromptFile(Metadata("moor"), draft, None, ""))
