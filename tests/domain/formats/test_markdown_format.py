import base64
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_server.domain.drafts import make_draft
from mcp_server.domain.formats.csv_format import read_csv
from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.formats.markdown_format import read_markdown, write_markdown
from mcp_server.domain.formats.registry import read_file
from mcp_server.domain.formats.yaml_text import dump_yaml, load_yaml
from storage.values.entities import (
    Argument,
    EmbeddedResource,
    ImageContent,
    Message,
    Metadata,
    TextContent,
)
from storage.values.errors import Invalid
from tests.support.effort import examples

DATA = Path(__file__).parents[3].parent / "shared/data"
SCALARS = [
    "yes",
    "2024-01-01",
    "12:30",
    "0x1f",
    "1e3",
    "007",
    "~",
    "",
    "null",
    "<<",
    "=",
    "- a",
    "#",
]
BREAKS = [
    "---",
    "a\n---\nb",
    " a\nb",
    "\na\n\n",
    "a \n b",
    "\x85",
    "\u2028",
    "\ufeff",
    "\t",
    "\x07\n",
]
STORABLE = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
STRINGS = st.sampled_from([*SCALARS, *BREAKS, ": ", "=", "\t", "é😀"]) | st.text(
    STORABLE, max_size=5
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | STRINGS,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(STRINGS, each, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(STRINGS, JSON, max_size=4))
def test_yaml_gives_back_what_was_written(value: dict[str, Any]) -> None:
    assert load_yaml(dump_yaml(value), "x", 1) == (value or {})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("date: 2024-01-01", {"date": "2024-01-01"}),
        ("on: yes", {"on": "yes"}),
        ("time: 12:30", {"time": "12:30"}),
        ("version: 1.0", {"version": 1.0}),
        ("zip: 00123", {"zip": "00123"}),
        ("flag: true", {"flag": True}),
        ("none:", {"none": None}),
    ],
)
def test_yaml_has_the_types_of_json_only(text: str, value: dict[str, Any]) -> None:
    assert load_yaml(text, "x", 1) == value


def user(text: str) -> Message:
    return Message("user", TextContent(text))


MESSAGES = st.lists(
    st.builds(Message, st.sampled_from(["system", "user"]), st.builds(TextContent, STRINGS))
    | st.just(Message("user", ImageContent("aGk=", "image/png")))
    | st.builds(
        lambda raw: Message("user", EmbeddedResource("x:", blob=base64.b64encode(raw).decode())),
        st.binary(min_size=1, max_size=3),
    ),
    min_size=1,
    max_size=3,
).map(lambda messages: [*messages, user("x")][-3:])


TEXT_BODIES = STRINGS.map(lambda text: [user(f"{text}!")])


@settings(max_examples=examples(40))
@given(MESSAGES | TEXT_BODIES, st.dictionaries(STRINGS, JSON, max_size=3))
def test_markdown_gives_back_what_was_written(
    messages: list[Message], config: dict[str, Any]
) -> None:
    draft = make_draft(
        messages=messages,
        arguments=[
            Argument("tone", "Tone", "How\nto say it", default="1.0", choices=("1.0", "on"))
        ],
        model_type="gpt-4",
        model_config=config,
        variants={"claude-*": messages},
    )
    metadata = Metadata("a-1", "Title: x", "Long\ntext", "support/emails", ("x", "yes"))
    file = PromptFile(metadata, draft, "ann", "a.md")
    assert read_markdown(write_markdown(file), "a.md") == file


def test_one_user_text_is_the_body() -> None:
    draft = make_draft(template="# Hi {{name}}\n")
    written = write_markdown(PromptFile(Metadata("hi", tags=("a",)), draft, None, ""))
    assert written == (
        "---\nname: hi\ntags:\n- a\ntemplate_format: simple\narguments:\n"
        "- name: name\n  required: true\n  type: string\n---\n# Hi {{name}}\n"
    )


def test_a_skill_is_a_verbatim_text_that_keeps_its_other_keys() -> None:
    text = "---\r\nname: My Skill\nlicense: MIT\nmetadata:\n  v: 1\n---\r\n\r\n# {{x}} ${y}\n---\n"
    file = read_markdown(text, "skills/x/SKILL.md")
    assert file == PromptFile(
        Metadata("my-skill", "My Skill"),
        make_draft(
            template="\r\n# {{x}} ${y}\n---\n",
            template_format="text",
            model_config={"front_matter": {"license": "MIT", "metadata": {"v": 1}}},
        ),
        None,
        "skills/x/SKILL.md",
    )
    again = write_markdown(file)
    assert "\nlicense: MIT\n" in again
    assert read_markdown(again, "skills/x/SKILL.md") == file


def test_keys_that_would_clash_stay_where_they_are() -> None:
    draft = make_draft(template="x", model_config={"front_matter": {"name": "other"}})
    file = PromptFile(Metadata("a"), draft, None, "a.md")
    assert read_markdown(write_markdown(file), "a.md") == file


def test_a_name_of_ours_counts_as_it_stands() -> None:
    name = "a" * 60
    draft = make_draft(template="x")
    written = write_markdown(PromptFile(Metadata(name), draft, None, ""))
    assert read_markdown(written, "").metadata == Metadata(name)
    foreign = read_markdown(f"---\nname: {name}\n---\nx", "")
    assert foreign.metadata == Metadata("a" * 40, title=name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hello", "a.md:1: the opening line '---'"),
        ("---\nname: a\nhello\n", "a.md:3: the closing line '---'"),
        ("---\nname: a\nb: [\n---\nx", "a.md:4: the front matter is no YAML"),
        ("---\nname: a: b\n---\nx", "a.md:2: the front matter is no YAML"),
        ("---\nname: a\nname: b\n---\nx", "a.md:3: the front matter is no YAML"),
        ("---\na: &x 1\nb: *x\n---\nx", "a.md:3: the front matter is no YAML"),
        ("---\n? [a]\n: 1\n---\nx", "a.md:2: the front matter is no YAML"),
        ("---\na: !!python/object:os.system x\n---\nx", "a.md:2: the front matter is no YAML"),
        ("---\na: b\nc: !!timestamp x\n---\nx", "a.md:3: the front matter is no YAML"),
        ("---\na: !!bool maybe\n---\nx", "a.md:2: the front matter is no YAML"),
        ('---\na: !!int ""\n---\nx', "a.md:2: the front matter is no YAML"),
        ("---\na: !!set [a]\n---\nx", "a.md:2: the front matter is no YAML"),
        ("---\na: !!map x\n---\nx", "a.md:2: the front matter is no YAML"),
        ("---\na: " + "1" * 5_000 + "\n---\nx", "a.md:2: the front matter is no YAML"),
        ("---\na: b\nc: \x00\n---\nx", "a.md:3: the front matter is no YAML"),
        ("---\n- a\n---\nx", "a.md:2: the front matter is no mapping"),
        ("---\n" + "[" * 5_000 + "\n---\nx", "a.md:2: the front matter is no YAML"),
        ("---\nname: a\n---\n", "a.md: 'template' is empty"),
        ("---\nname: 1\n---\nx", "a.md: 'name' has to be text, not '1'"),
        ("---\nname: a\ntags: 5\n---\nx", "a.md: 'tags' has to be a list"),
        ("---\nname: a\nmodel_config: 5\n---\nx", "a.md: 'model_config' has to be an object"),
        ("---\nname: a\narguments: 5\n---\nx", "a.md: 'arguments' has to be a list"),
        ("---\nname: a\nmessages: []\n---\nx", "a.md: 'messages' and a body exclude each other"),
        ("---\nname: a\nmessages: []\n---\n", "a.md: 'messages' is empty"),
        ('---\nname: a\ncreated_by: "a\\nb"\n---\nx', "a.md: 'created_by' has a control"),
        (f"---\nname: a\ncreated_by: {'a' * 201}\n---\nx", "a.md: 'created_by' has 201 char"),
        ("---\nname: a\nfolder: A B\n---\nx", "a.md: 'folder' can't be 'A B'"),
        ("---\nname: a\ntemplate_format: jinja\n---\nx", "a.md: There is no template format"),
    ],
    ids=range(28),
)
def test_a_file_that_can_not_be_read_names_the_place(text: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_markdown(text, "a.md")
    assert refused.value.message.startswith(said)


def test_a_tag_that_is_not_allowed_is_named() -> None:
    with pytest.raises(Invalid, match="the tag '!!timestamp' isn't allowed; leave it out"):
        read_markdown("---\na: !!timestamp x\n---\nx", "a.md")


def test_what_is_said_to_be_text_is_text() -> None:
    file = read_markdown("---\nname: !!str 2024\n---\nx", "a.md")
    assert file.metadata == Metadata("2024")


def test_tags_may_be_one_text_with_commas() -> None:
    file = read_markdown("---\ntitle: A\ntags: x, y,\n---\nz", "a.md")
    assert file.metadata == Metadata("a", "A", tags=("x", "y"))


@pytest.mark.parametrize(
    ("path", "text", "name", "title"),
    [
        ("notes/My Plan.md", "# Plan\n", "my-plan", "My Plan"),
        ("skills/gitmoji/SKILL.md", "x", "gitmoji", None),
        ("a.txt", "x", "a", None),
        ("a.md", "---\nname: b\n---\nx", "b", None),
        ("a", "---\nname: b\n---\nx", "b", None),
        ("list", "act,prompt\nB c,x\n", "b-c", "B c"),
        ("LIST.CSV", "act,prompt\nB c,x\n", "b-c", "B c"),
    ],
)
def test_the_format_of_a_file_is_recognised(
    path: str, text: str, name: str, title: str | None
) -> None:
    (file,) = read_file(path, text)
    assert (file.metadata.name, file.metadata.title) == (name, title)


def test_a_plain_file_is_served_verbatim() -> None:
    (file,) = read_file("a.md", "\ufeff# {{x}}\n\n")
    assert file.draft == make_draft(template="# {{x}}\n\n", template_format="text")


@pytest.mark.parametrize("path", ["a.pdf", "a", "a.docx"])
def test_other_files_are_refused(path: str) -> None:
    with pytest.raises(Invalid, match=r"Give a \.json, \.yaml, \.csv, \.md"):
        read_file(path, "hello")


def skills() -> list[Path]:
    return sorted(DATA.glob("skills/*/SKILL.md"))


def test_every_real_skill_survives_the_round_trip() -> None:
    if not skills():
        pytest.skip("the skills aren't beside the repository")
    for path in skills():
        text = path.read_bytes().decode()
        (file,) = read_file(str(path), text)
        content = file.draft.messages[0].content
        assert isinstance(content, TextContent)
        assert text.endswith(f"---\n{content.text}")
        assert read_markdown(write_markdown(file), str(path)) == file
    assert len(skills()) == 58


def test_every_real_prompt_survives_as_markdown() -> None:
    source = DATA / "prompts-chat.csv"
    if not source.exists():
        pytest.skip(f"{source.name} isn't beside the repository")
    for file in list(read_csv(source.read_bytes().decode()))[::10]:
        assert read_markdown(write_markdown(file), file.source) == file
