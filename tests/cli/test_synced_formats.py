"""`sync` and formats: a file stays in its own, and what that can't hold leaves it as it is."""

import json

import pytest

COMMAND = ".claude/commands/sail.md"
PROMPT_FILE = ".github/prompts/sail.prompt.md"
FILES = {
    "command": (
        COMMAND,
        '---\ndescription: "Sails"\nargument-hint: "[port]"\nallowed-tools: Bash(git:*)\n---\n'
        "Sail to $ARGUMENTS.\n",
        '---\ndescription: "Sails"\nargument-hint: "[port]"\nallowed-tools: Bash(git:*)\n---\n'
        "Row to $ARGUMENTS!\n",
    ),
    "prompt file": (
        PROMPT_FILE,
        "---\nmode: agent # of ours\ndescription: Sails\n---\nSail to ${input:port}.\n",
        "---\nmode: agent # of ours\ndescription: Sails\n---\nRow to ${input:port}!\n",
    ),
    "bare prompt file": (PROMPT_FILE, "Sail to ${input:port}.\r\n", "Row to ${input:port}!\n"),
    "skill": (
        "sail/SKILL.md",
        "---\nlicense: 'MIT'\nname: sail\ndescription: Sails\n---\nSail to port.\n",
        "---\nlicense: 'MIT'\nname: sail\ndescription: Sails\n---\nRow to {{port}}!\n",
    ),
    "plain Markdown": ("sail.md", "Sail to port.\n", "Row to {{port}}!\n"),
    "our Markdown": (
        "sail.md",
        "---\ntemplate_format: simple # ours\nname: sail\n---\nSail to {{port}}.\n",
        "---\ntemplate_format: simple # ours\nname: sail\n---\nRow to {{port}}!\n",
    ),
    "CSV": (
        "sail.csv",
        'prompt,contributor,stars,act\n"Sail, to ${port}.",u-3,5,Sail\n',
        'prompt,contributor,stars,act\n"Row to ${port}!\n",u-3,5,Sail\n',
    ),
    "Langfuse": (
        "sail.json",
        '{\n  "name": "sail",\n  "prompt": "Sail to {{port}}.",\n  "labels": [\n    "best"\n  ],'
        '\n  "version": 4\n}\n',
        '{\n  "name": "sail",\n  "prompt": "Row to {{port}}!\\n",\n  "labels": [\n    "best"\n  ],'
        '\n  "version": 4\n}\n',
    ),
    "MLflow": (
        "sail.json",
        '[{"name":"sail","template":"Sail to {{port}}.","version":4,"aliases":["best"]}]',
        '[{"name":"sail","template":"Row to {{port}}!\\n","version":4,"aliases":["best"]}]',
    ),
    "OpenAI": (
        "sail.json",
        '{"model": "gpt-9", "messages": [{"role": "user", "content": "Sail to {{port}}."}]}\n',
        '{"model": "gpt-9", "messages": [{"role": "user", "content": "Row to {{port}}!\\n"}]}\n',
    ),
    "bare messages": (
        "sail.json",
        '[{"role": "user", "content": "Sail to {{port}}."}]\n',
        '[{"role": "user", "content": "Row to {{port}}!\\n"}]\n',
    ),
    "our JSON": (
        "sail.json",
        '{\n\t"template": "Sail to {{port}}.",\n\t"name": "sail"\n}\n',
        '{\n\t"template": "Row to {{port}}!\\n",\n\t"name": "sail"\n}\n',
    ),
    "JSON Lines": (
        "sail.jsonl",
        '{"template": "Sail to {{port}}.", "name": "sail"}\n',
        '{"template": "Row to {{port}}!\\n", "name": "sail"}\n',
    ),
    "YAML": (
        "sail.yml",
        "---\ntemplate: Sail to {{port}}.\nname: sail\n",
        "---\ntemplate: |\n  Row to {{port}}!\nname: sail\n",
    ),
}
"""By what it is: where a file stands, what is in it, and what has to be after the library changed.

The library's text is then `Row to {{port}}!` and a line end.
"""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "prompts"


@pytest.fixture
def put(folder):
    """Write a file into the folder."""

    def write(place, content):
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def _everything(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _state(run):
    names = [prompt["name"] for prompt in run("list", "--json").json["items"]]
    return [run("get", name, "--json").json for name in names]


@pytest.mark.parametrize("kind", FILES)
def test_a_file_is_written_in_the_format_that_it_was_read_in(run, folder, put, kind):
    place, before, after = FILES[kind]
    file = put(place, before)
    assert run("sync", folder).out == f"{place} → sail@1\n"
    assert run("sync", folder).out == ""
    run("update", "sail", "-t", "Row to {{port}}!\n")
    assert run("sync", folder).out == f"sail@2 → {place}\n"
    assert file.read_bytes().decode() == after
    there, state = _everything(folder), _state(run)
    assert (run("sync", folder).out, _everything(folder), _state(run)) == ("", there, state)


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_was_written_is_followed_when_it_changes_again(run, folder, put, kind):
    place, before, after = FILES[kind]
    file = put(place, before)
    run("sync", folder)
    run("update", "sail", "-t", "Row to {{port}}!\n")
    run("sync", folder)
    file.write_bytes(after.replace("Row", "Drift").encode())
    assert run("sync", folder).out == f"{place} → sail@3\n"
    assert run("get", "sail").out == "Drift to {{port}}!\n"
    assert run("sync", folder).out == ""


TWO = json.dumps({"messages": [
    {"role": "system", "content": {"type": "text", "text": "Be calm"}},
    {"role": "user", "content": {"type": "text", "text": "Sail to {{port}}."}},
]})  # fmt: skip
DECLARED = json.dumps(
    {"template": "Sail to {{port}}.", "arguments": [{"name": "port", "choices": ["Ys", "Thule"]}]}
)
VARIANT = json.dumps(
    {
        "template": "Sail to {{port}}.",
        "variants": {
            "gpt-9": [{"role": "user", "content": {"type": "text", "text": "Go to {{port}}."}}]
        },
    }
)
LIQUID = json.dumps({"template": "{% if port %}Sail{% endif %}", "template_format": "liquid"})
BLANK = json.dumps({"template": "Sail to {{port}}.", "template_format": "simple"})
MODEL = json.dumps({"template": "Sail.", "model_type": "gpt-9"})


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        *(
            (kind, change, reason)
            for kind in ("command", "prompt file", "CSV")
            for change, reason in (
                (TWO, "is more than one user text"),
                (DECLARED, "what its arguments are declared as"),
                (VARIANT, "variants"),
                (LIQUID, "is liquid"),
            )
        ),
        *(
            (kind, change, reason)
            for kind in ("Langfuse", "MLflow", "OpenAI")
            for change, reason in (
                (DECLARED, "what its arguments are declared as"),
                (VARIANT, "variants"),
                (LIQUID, "is liquid"),
            )
        ),
        ("skill", TWO, "is more than one user text"),
        ("skill", BLANK, "its blanks"),
        ("skill", MODEL, "model_type"),
        ("CSV", MODEL, "model_type"),
    ],
)
def test_what_a_format_cant_hold_leaves_the_file_as_it_is_and_is_said(
    run, attempt, folder, put, tmp_path, kind, change, reason
):
    place, before, _ = FILES[kind]
    put(place, before)
    run("sync", folder)
    (tmp_path / "change.json").write_text(change)
    run("update", "sail", "--from-json", tmp_path / "change.json")
    there, state = _everything(folder), _state(run)
    for _ in range(2):
        done = attempt("sync", folder)
        assert (done.code, done.out, len(done.err.splitlines())) == (5, "", 1)
        assert done.err.startswith(f"promptstack: {place}: ")
        assert reason in done.err
        assert (_everything(folder), _state(run)) == (there, state)


def test_a_file_that_is_all_that_its_format_can_hold_is_no_conflict(
    run, attempt, folder, put, tmp_path
):
    put(COMMAND, "Sail to $ARGUMENTS.\n")
    run("sync", folder)
    change = {"arguments": [{"name": "arguments", "required": True, "choices": ["Ys", "Thule"]}]}
    (tmp_path / "change.json").write_text(json.dumps(change))
    run("update", "sail", "--from-json", tmp_path / "change.json")
    (folder / ".promptstack-sync.json").unlink()
    done = attempt("sync", folder)
    assert (done.code, done.out) == (5, "")
    assert "what its arguments are declared as" in done.err


def test_a_title_that_a_command_has_no_place_for_is_said_once_and_breaks_nothing(run, folder, put):
    file = put(COMMAND, "Sail to $ARGUMENTS.\n")
    run("sync", folder)
    run("update", "sail", "--title", "Under sail", "--tag", "sea")
    done = run("sync", folder)
    assert (done.out, len(done.err.splitlines())) == ("", 1)
    assert f"{COMMAND}: this format has no place for tags and title" in done.err
    assert file.read_text() == "Sail to $ARGUMENTS.\n"
    done = run("sync", folder)
    assert (done.out, done.err) == ("", "")
    file.write_text("Row to $ARGUMENTS.\n")
    assert run("sync", folder).out == f"{COMMAND} → sail@2\n"
    found = run("get", "sail", "--json").json
    assert (found["title"], found["tags"]) == ("Under sail", ["sea"])
    assert run("get", "sail", "-a", "arguments=Ys").out == "Row to Ys.\n"


def test_a_command_takes_a_new_blank_and_leaves_the_library_what_has_to_be_given(run, folder, put):
    file = put(COMMAND, "Sail to $ARGUMENTS.\n")
    run("sync", folder)
    run("update", "sail", "-t", "Row to {{port}}!")
    assert run("sync", folder).out == f"sail@2 → {COMMAND}\n"
    assert file.read_text().endswith("\nRow to $ARGUMENTS!")
    assert run("sync", folder).out == ""
    file.write_text(file.read_text().replace("Row", "Drift"))
    assert run("sync", folder).out == f"{COMMAND} → sail@3\n"
    assert run("get", "sail", "--json").json["arguments"][0]["required"] is True
    assert run("sync", folder).out == ""


def test_a_title_that_a_file_has_otherwise_is_said_and_left(run, attempt, folder, put):
    place = ".claude/commands/Set Sail.md"
    put(place, "Sail to $ARGUMENTS.\n")
    assert run("sync", folder).out == f"{place} → set-sail@1\n"
    run("update", "set-sail", "--title", "Under sail")
    done = attempt("sync", folder)
    assert (done.code, done.out) == (5, "")
    assert f"{place}: Claude Code commands can't hold 'set-sail'" in done.err
    assert "title" in done.err


@pytest.mark.parametrize(
    ("place", "content"),
    [
        ("sail.md", "---\ndescription: Sails\n---\nSail"),
        ("sail.json", '{"name": "sail", "template": "Sail", "template_format": "text"}'),
        (COMMAND, "Sail"),
    ],
)
def test_what_a_file_says_nothing_of_is_no_difference(run, folder, put, place, content):
    meant = "simple" if place == COMMAND else "text"
    run("create", "sail", "-t", "Sail", "--format", meant, "--title", "Set sail", "--tag", "sea")
    run("update", "sail", "--description", "Sails")
    file = put(place, content)
    assert run("sync", folder).out == ""
    file.write_text(content.replace('"Sail"', '"Row"').replace("\nSail", "\nRow"))
    if place == COMMAND:
        file.write_text("Row")
    assert run("sync", folder).out == f"{place} → sail@2\n"
    found = run("get", "sail", "--json").json
    assert (found["title"], found["tags"], found["description"]) == ("Set sail", ["sea"], "Sails")
    assert run("sync", folder).out == ""


def test_what_a_file_stops_saying_is_taken_away(run, folder, put):
    file = put("sail.yaml", "name: sail\ntitle: Set sail\ndescription: Sails\ntemplate: Sail\n")
    run("sync", folder)
    file.write_text("name: sail\ntitle: Set sail\ntemplate: Sail\n")
    run("sync", folder)
    found = run("get", "sail", "--json").json
    assert (found["title"], found.get("description")) == ("Set sail", None)
    assert run("sync", folder).out == ""


def test_a_title_from_the_library_goes_into_a_file_that_has_a_place_for_it(run, folder, put):
    file = put("sail.yaml", "name: sail # ours\ntemplate: Sail\n")
    run("sync", folder)
    run("update", "sail", "--title", "Set sail")
    assert run("sync", folder).out == "sail@1 → sail.yaml\n"
    assert file.read_text() == "name: sail\ntemplate: Sail\ntitle: Set sail\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"\xef\xbb\xbfSail\n", b"\xef\xbb\xbfRow\n"),
        (b"---\r\nname: sail\r\n---\r\nSail", b"---\r\nname: sail\r\n---\r\nRow\n"),
        (
            b"\xef\xbb\xbf---\r\nname: sail\r\ntitle: a\r\n---\r\nSail",
            b"\xef\xbb\xbf---\r\nname: sail\r\ntitle: b\r\n---\r\nRow\n",
        ),
    ],
)
def test_a_byte_order_mark_line_ends_and_the_mode_stay(run, folder, put, before, after):
    file = put("sail.md", before)
    file.chmod(0o600)
    run("sync", folder)
    run("update", "sail", "-t", "Row\n", *(["--title", "b"] if b"title" in before else []))
    run("sync", folder)
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (after, 0o600)
    assert run("sync", folder).out == ""


def test_a_table_with_line_ends_of_its_own_keeps_them(run, folder, put):
    file = put("sail.csv", "act,prompt\r\nSail,Go\r\n")
    run("sync", folder)
    run("update", "sail", "-t", "Row\nand row")
    run("sync", folder)
    assert file.read_bytes() == b'act,prompt\r\nSail,"Row\nand row"\r\n'


def test_a_new_file_among_commands_is_a_command(run, attempt, folder):
    commands = folder / ".claude" / "commands"
    commands.mkdir(parents=True)
    run("create", "sail", "-t", "Sail to {{port}}.", "--folder", "sea")
    run("create", "rule", "-t", "{% if port %}Sail{% endif %}", "--format", "liquid")
    done = attempt("sync", commands)
    assert (done.code, done.out) == (5, "sail@1 → sea/sail.md\n")
    assert "rule: The prompt 'rule' is liquid" in done.err
    assert "Sail to $ARGUMENTS." in (commands / "sea" / "sail.md").read_text()
    assert attempt("sync", commands).out == ""


def test_a_new_file_isnt_put_where_no_file_is_read(run, folder, put):
    put("sea/SKILL.md", "---\nname: sea\ndescription: All of it\n---\nWaves")
    run("create", "sail", "-t", "Sail", "--folder", "sea")
    assert "sail@1 → sail.md" in run("sync", folder).out
    assert run("sync", folder).out == ""


def test_a_file_with_a_history_is_left_and_said(run, attempt, folder, put):
    run("create", "sail", "-t", "Sail")
    run("update", "sail", "-t", "Row")
    run("export", folder, "--each", "--history", "--format", "json")
    assert run("sync", folder).out == ""
    there = _everything(folder)
    run("update", "sail", "-t", "Drift")
    done = attempt("sync", folder)
    assert (done.code, done.out, _everything(folder)) == (5, "", there)
    assert "sail.json: This file holds the prompt's history" in done.err
