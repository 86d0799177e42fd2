"""Rewriting files: read back, they are the prompt that was written, and the rest of them stays."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.domain import limits
from mcp_server.domain.drafts import make_draft
from mcp_server.domain.formats.registry import FORMATS, read_file
from mcp_server.domain.formats.rewriting import (
    agrees,
    cannot_hold,
    holds,
    read_alone,
    rewrite,
    speaks_of,
    write_new,
)
from mcp_server.domain.formats.shapes import shape_of
from storage.values.entities import History, Message, TextContent
from storage.values.errors import Invalid

FILES = {
    "a.md": "---\nname: a\ntemplate_format: simple\ntitle: A\n---\nalpha {{x}}\n",
    "b.yaml": "# kept\nname: b\ntemplate: alpha {{x}}\n",
    "b2.yaml": "- name: b2\n  template: alpha {{x}}\n",
    "c.json": '{"name": "c", "template": "alpha {{x}}", "description": "C"}\n',
    "c2.json": '[\n  {"name": "c2", "template": "alpha {{x}}"}\n]\n',
    "c3.json": '{\n    "name":  "c3",\n    "template": "alpha {{x}}"\n}',
    "d.jsonl": '{"name": "d", "template": "alpha {{x}}"}\n',
    "e.csv": "act,prompt,stars\r\nE,alpha ${x},3\r\n",
    ".claude/commands/f.md": "---\nargument-hint: '[x]'\n---\nalpha $ARGUMENTS\n",
    ".github/prompts/g.prompt.md": "alpha ${input:x}\r\n",
    "h/SKILL.md": "---\nname: h\ndescription: H\nlicense: MIT\n---\nalpha\n",
    "h2/SKILL.md": "---\nname: h2\ntemplate_format: simple\n---\nalpha {{x}}\n",
    "i.json": '{"name": "i", "prompt": "alpha {{x}}", "labels": ["best"]}\n',
    "j.json": '{"name": "j", "template": "alpha {{x}}", "aliases": ["best"]}\n',
    "k.json": '{"name": "k", "messages": [{"role": "user", "content": "alpha {{x}}"}]}\n',
    "k2.json": '[{"role": "user", "content": "alpha {{x}}"}]\n',
    "l.md": "\ufeffalpha\r\n",
}
TEXTS = st.lists(
    st.sampled_from(
        ["alpha", "{{x}}", "{{y}}", "{", "}", "$1", "$ARGUMENTS", "${input:x}", "${x}", "\\", "\r",
         "---\n", "\n", "\r\n", " ", ",", '"', "'", ": ", "#", "é", "\u2028", "@@@"]
    ),
    min_size=1,
).map("".join).filter(str.strip)  # fmt: skip


@pytest.mark.parametrize("path", FILES)
@given(text=TEXTS, meant=st.sampled_from(["simple", "text"]))
def test_what_is_written_is_read_back_or_refused(path, text, meant):
    here = read_alone(path, FILES[path])
    wanted = replace(here, draft=make_draft(template=text, template_format=meant))
    try:
        new = rewrite(FILES[path], here, wanted, path)
    except Invalid:
        return
    assert agrees(new.file, wanted)
    assert read_alone(path, new.text) == new.file
    assert rewrite(new.text, new.file, wanted, path).text == new.text


@pytest.mark.parametrize("path", FILES)
def test_what_hasnt_changed_stays_byte_for_byte(path):
    here = read_alone(path, FILES[path])
    assert rewrite(FILES[path], here, here, path).text == FILES[path]


@pytest.mark.parametrize(
    ("path", "after"),
    [
        ("b2.yaml", "name: b2\ntemplate: beta {{x}}\n"),
        ("c2.json", '[{"name": "c2", "template": "beta {{x}}"}]\n'),
        ("c3.json", '{\n    "name": "c3",\n    "template": "beta {{x}}"\n}\n'),
        ("h2/SKILL.md", "---\nname: h2\ntemplate_format: simple\n---\nbeta {{x}}"),
        ("l.md", "\ufeffbeta {{x}}"),
    ],
)
def test_what_has_a_shape_of_its_own_is_written_as_near_as_can_be(path, after):
    here = read_alone(path, FILES[path])
    meant = "text" if path == "l.md" else "simple"
    draft = make_draft(template="beta {{x}}", template_format=meant)
    assert rewrite(FILES[path], here, replace(here, draft=draft), path).text.startswith(after)


def test_bare_messages_become_a_request_once_there_is_a_model():
    here = read_alone("k2.json", FILES["k2.json"])
    draft = replace(here.draft, model_type="gpt-9")
    new = rewrite(FILES["k2.json"], here, replace(here, draft=draft), "k2.json")
    assert json.loads(new.text)["model"] == "gpt-9"


def test_a_table_whose_columns_cant_say_it_is_refused():
    here = read_alone("e.csv", FILES["e.csv"])
    title = replace(here, metadata=replace(here.metadata, title="Another"))
    with pytest.raises(Invalid, match=r"CSV as prompts\.chat has it can't hold 'e'"):
        rewrite(FILES["e.csv"], here, title, "e.csv")


def test_what_a_file_says_nothing_of_is_named():
    path = ".claude/commands/f.md"
    here = read_alone(path, FILES[path])
    said = replace(here.metadata, title="F", tags=("sea",))
    new = rewrite(FILES[path], here, replace(here, metadata=said), path)
    assert (new.text, new.unsaid) == (FILES[path], {"title", "tags"})


def test_a_file_with_a_history_isnt_rewritten():
    here = read_alone("c.json", FILES["c.json"])
    history = History.__new__(History)
    with pytest.raises(Invalid, match="holds the prompt's history"):
        rewrite(FILES["c.json"], replace(here, history=history), here, "c.json")


def test_a_new_file_is_written_in_the_format_that_it_will_be_read_in():
    file = replace(read_alone("a.md", FILES["a.md"]), created_by=None)
    assert write_new(file, "x/a.md").text == FILES["a.md"].replace(
        "template_format: simple\ntitle: A", "title: A\ntemplate_format: simple"
    ).replace("---\nalpha", "arguments:\n- name: x\n  required: true\n  type: string\n---\nalpha")
    assert "$ARGUMENTS" in write_new(file, ".claude/commands/a.md").text
    declared = make_draft(template="{{x}} {{y}}", model_config={"temperature": 1})
    with pytest.raises(Invalid, match="can't hold 'a' as it is in the library: model_config"):
        write_new(replace(file, draft=declared), ".claude/commands/a.md")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "this holds 0 prompts"),
        ('[{"name": "a", "template": "a"}, {"name": "b", "template": "b"}]', "this holds 2"),
        ('[{"name": "a", "template": "a"}, {"name": "b"}]', "a.json#2: "),
    ],
)
def test_a_file_that_holds_another_number_of_prompts_isnt_one_prompts(text, reason):
    with pytest.raises(Invalid, match=reason):
        read_alone("a.json", text)


def test_a_file_holds_a_text_as_far_as_its_format_can():
    path = ".claude/commands/f.md"
    here, command = read_alone(path, FILES[path]), FORMATS["claude-command"]
    assert holds(here, here.draft, command, path)
    assert holds(here, replace(here.draft, model_config={"temperature": 1}), command, path)
    assert not holds(here, make_draft(template="beta {{x}}"), command, path)
    liquid = make_draft(template="{% if x %}a{% endif %}", template_format="liquid")
    assert not holds(here, liquid, command, path)


def test_a_refusal_names_what_cant_be_held_even_where_it_cant_be_read():
    file = read_alone("a.md", FILES["a.md"])
    assert "how its text is meant" in cannot_hold(file, FORMATS["yaml"], "a.csv").message


def test_every_format_has_a_shape():
    assert all(callable(shape_of(name)) for name in FORMATS)


def test_a_file_that_cant_be_changed_where_it_stands_is_written_anew():
    path, text = "b.yaml", "name: b\ntemplate: alpha\n---\n"
    here = read_alone(path, text)
    wanted = replace(here, draft=make_draft(template="beta"))
    assert rewrite(text, here, wanted, path).file.draft == wanted.draft


def test_a_text_that_couldnt_be_read_back_is_refused(monkeypatch):
    monkeypatch.setattr(limits, "_in_use", limits.Limits(text=100))
    here = read_alone("e.csv", FILES["e.csv"])
    long = make_draft(template="{{a}}" * 18, template_format="text")
    with pytest.raises(Invalid, match="can't hold 'e' as it is in the library: its text"):
        rewrite(FILES["e.csv"], here, replace(here, draft=long), "e.csv")


def test_a_file_whose_format_cant_hold_it_decides_what_it_says_alone():
    (file,) = read_file("a.md", "---\ntitle: A\n---\nText", "claude-command")
    talk = make_draft(messages=[Message("user", TextContent(text)) for text in "12"])
    assert speaks_of(file, file.says | {"tags"}) >= file.says
    assert speaks_of(replace(file, draft=talk), file.says | {"tags"}) == file.says
