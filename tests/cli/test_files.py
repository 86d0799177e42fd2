"""Import and export: what goes in comes out, and doing it again changes nothing."""

import json
import os
from pathlib import Path

import pytest

DATA = Path(__file__).parents[2].parent / "shared" / "data"
SKILL = "---\nname: {name}\ndescription: Does {name} things\n---\nDo {name}.\n"


@pytest.fixture
def folder(tmp_path):
    """A folder with a CSV, a skill with a file of its own, and things that aren't prompts."""
    files = {
        "chat.csv": "act,prompt,for_devs,type,contributor\n"
        'Linux Terminal,"Act as a terminal, ${user:root}",TRUE,TEXT,f\n'
        "Poet,Write a poem about ${topic},FALSE,IMAGE,g\n",
        "skills/tidy/SKILL.md": SKILL.format(name="tidy"),
        "skills/tidy/references/more.md": "belongs to the skill",
        "plain.md": "Just a text.\n",
        "README.md": "# About this folder",
        "notes.txt": "no prompt",
        ".hidden/secret.md": "hidden",
    }
    for name, text in files.items():
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "in"


def _names(run):
    return [prompt["name"] for prompt in run("list", "--json").json["items"]]


def _state(run):
    return [run("get", name, "--json").json for name in _names(run)]


def test_a_folder_is_walked_for_csv_markdown_and_skills(run, folder):
    done = run("import", folder)
    assert done.out == ("4 prompts: 4 created, 0 new versions, 0 updated, 0 unchanged; 4 changes\n")
    assert _names(run) == ["linux-terminal", "plain", "poet", "tidy"]
    assert run("get", "linux-terminal", "--render").out == "Act as a terminal, root"
    assert run("get", "poet", "--json").json["created_by"] == "g"
    assert run("get", "plain").out == "Just a text.\n"


def test_importing_again_changes_nothing(run, folder):
    run("import", folder)
    before = _state(run)
    assert "4 unchanged; 0 changes" in run("import", folder).out
    assert _state(run) == before


def test_what_breaks_those_who_include_it_goes_in_only_by_force(run, attempt, tmp_path):
    run("create", "base", "-t", "Base")
    run("create", "user", "-t", "{{> base}}")
    two = [{"role": "user", "content": text} for text in "12"]
    file = tmp_path / "base.json"
    file.write_text(json.dumps({"name": "base", "template_format": "simple", "messages": two}))
    refused = attempt("import", file)
    assert refused.code == 2
    assert "'base' is included by 'user', which couldn't be used any more." in refused.err
    done = run("import", file, "--force")
    assert "1 new version" in done.out
    assert "'base' is included by 'user', which can't be used any more." in done.err


def test_a_changed_file_is_a_new_version_and_an_old_file_is_not(run, folder):
    run("import", folder)
    (folder / "plain.md").write_text("Another text.\n")
    assert (
        "0 created, 1 new version, 0 updated, 3 unchanged; 1 change\n" in run("import", folder).out
    )
    (folder / "plain.md").write_text("Just a text.\n")
    assert "0 changes" in run("import", folder).out
    assert run("get", "plain").out == "Another text.\n"


def test_a_file_that_is_named_twice_goes_in_once(run, folder):
    assert run("import", folder / "plain.md", folder / "plain.md", folder).out.startswith(
        "4 prompts:"
    )


def test_a_readme_goes_in_where_it_is_named_or_says_that_it_is_a_prompt(run, folder):
    assert run("import", folder / "README.md").out.startswith("1 prompt: 1 created")
    (folder / "README.md").write_text(SKILL.format(name="readme"))
    assert run("import", folder).out.startswith("5 prompts: 5 created")
    assert run("get", "readme").out == "Do readme.\n"


@pytest.mark.parametrize(
    ("name", "data", "place", "reason"),
    [
        ("a.md", b"caf\xe9", "a.md:1:", "isn't UTF-8"),
        ("a.csv", "act,prompt\nA,é\nB,ü".encode("latin-1"), "a.csv:2:", "isn't UTF-8"),
        ("a.md", b"one\ntwo\0", "a.md:2:", "NUL"),
        ("a.csv", b"title,text\nA,x\n", "a.csv:1:", "'act'"),
        ("a.md", b"---\nname: [\n---\nx", "a.md:3:", "YAML"),
        ("a.md", b"---\nname: x\n", "a.md:2:", "'---'"),
    ],
)
def test_an_unreadable_file_is_named_with_its_line_and_the_others_go_in(
    attempt, run, folder, name, data, place, reason
):
    (folder / name).write_bytes(data)
    done = attempt("import", folder)
    assert done.code == 2
    assert [line for line in done.err.splitlines() if place in line and reason in line] == [
        done.err.strip()
    ]
    assert done.out.endswith("4 changes; 1 refused\n")
    assert len(_names(run)) == 4


@pytest.mark.parametrize(
    ("row", "reason"),
    [("B", "1 cells"), (" ,y", "blank"), ('"B"b,y', "no CSV")],
)
def test_a_refused_row_is_named_with_its_line_and_keeps_its_file_out(
    attempt, run, folder, row, reason
):
    (folder / "a.csv").write_text(f"act,prompt\nA,x\nC,y\n{row}\n")
    done = attempt("import", folder)
    assert (done.code, len(done.err.splitlines())) == (2, 2)
    assert "a.csv:4:" in done.err
    assert reason in done.err
    assert "a.csv: nothing of it was written, since 1 of its 3 prompts can't be" in done.err
    assert done.out.endswith("4 changes; 1 refused\n")
    assert not {"a", "c"} & set(_names(run))
    done = attempt("import", folder, "--continue")
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert {"a", "c"} < set(_names(run))


def test_a_name_that_is_taken_keeps_no_other_row_of_its_file_out(attempt, run, folder):
    (folder / "more.csv").write_text("act,prompt\nPoet,Another\nPainter,Paint\n")
    done = attempt("import", folder, "--continue")
    assert done.code == 2
    assert "more.csv:2: the name 'poet' is taken by" in done.err
    assert "painter" in _names(run)


def test_a_path_that_is_too_long_is_one_sentence(attempt):
    done = attempt("import", "x" * 300)
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "this can't be read: File name too long" in done.err


def test_a_folder_without_prompts_is_answered_with_a_hint(run, tmp_path):
    (tmp_path / "empty").mkdir()
    done = run("import", tmp_path / "empty")
    assert done.out.startswith("0 prompts:")
    assert "Name files, or folders that hold some" in done.err


def test_what_isnt_there_is_said_and_the_rest_goes_in(attempt, folder):
    done = attempt("import", folder / "nothing.md", folder)
    assert done.code == 2
    assert "nothing.md: there is no such file" in done.err
    assert done.out.startswith("4 prompts: 4 created")


def test_a_file_of_another_kind_is_refused_where_it_is_named(attempt, folder):
    (folder / "page.html").write_text("<p>")
    done = attempt("import", folder / "page.html")
    assert (done.code, done.out.split(":")[0]) == (2, "0 prompts")
    assert "is no file that prompts are read from" in done.err


def test_two_files_of_one_name_dont_become_versions_of_each_other(attempt, run, folder):
    (folder / "poet.md").write_text("Another poet.")
    done = attempt("import", folder)
    assert done.code == 2
    assert "the name 'poet' is taken by" in done.err
    assert "chat.csv: nothing of it was written" in done.err
    assert run("get", "poet").out == "Another poet."
    assert len(json.loads(run("versions", "poet", "--json").out)["items"]) == 1


def test_a_prompt_that_the_scope_keeps_out_is_refused_alone(attempt, folder):
    done = attempt("--tag", "for-devs", "import", folder, "--continue")
    assert done.code == 2
    assert done.out.startswith("1 prompt: 1 created")
    assert "plain.md: Only prompts tagged 'for-devs' are published here" in done.err


def test_an_export_to_a_folder_imports_again_with_no_change(run, folder, tmp_path):
    run("import", folder)
    run("update", "poet", "--folder", "arts/poems", "--title", "The Poet", "--tag", "a, b")
    run("create", "readme", "--template", "named like a file about the folder")
    before = _state(run)
    assert run("export", tmp_path / "out").out.startswith("5 prompts written to ")
    files = sorted(
        str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.md")
    )
    assert files == ["arts/poems/poet.md", "linux-terminal.md", "plain.md", "readme.md", "tidy.md"]
    assert "5 unchanged; 0 changes" in run("import", tmp_path / "out").out
    assert _state(run) == before


def test_an_export_to_csv_imports_again_with_no_change(run, folder, tmp_path):
    run("import", folder / "chat.csv")
    exported = run("export", tmp_path / "out.csv")
    assert (exported.out.split(" to ")[0], exported.err) == ("2 prompts written", "")
    assert "2 unchanged; 0 changes" in run("import", tmp_path / "out.csv").out
    assert sorted(os.listdir(tmp_path)) == ["in", "out.csv"]


def test_what_csv_cant_hold_is_said(run, folder, tmp_path):
    run("import", folder)
    (folder / "talk.md").write_text(
        "---\nname: talk\nmessages:\n- {role: system, content: {type: text, text: Be brief}}\n---\n"
    )
    run("import", folder / "talk.md")
    exported = run("export", tmp_path / "out.csv")
    assert exported.out.startswith("4 prompts written")
    assert "'talk' is more than one user text" in exported.err
    assert "'plain' (how its text is meant" in exported.err
    assert "'tidy' (" in exported.err


def test_an_empty_library_exports_to_files_that_can_be_imported(run, tmp_path):
    assert run("export", tmp_path / "out.csv").out.startswith("0 prompts written")
    assert run("import", tmp_path / "out.csv").out.startswith("0 prompts:")


def test_an_export_can_be_narrowed(run, folder, tmp_path):
    run("import", folder)
    assert run("export", tmp_path / "out", "--tag", "image").out.startswith("1 prompt written")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["poet.md"]


def test_an_export_has_the_text_that_is_served(run, tmp_path):
    run("create", "review", "-t", "one")
    run("update", "review", "-t", "two")
    run("label", "review@1", "production")
    run("export", tmp_path / "out")
    assert (tmp_path / "out" / "review.md").read_text().endswith("---\none")


def test_a_place_that_cant_be_written_is_named(attempt, folder):
    failed = attempt("export", folder, "--format", "csv")
    assert (failed.code, "this is a folder" in failed.err) == (2, True)
    failed = attempt("export", folder / "plain.md")
    assert (failed.code, "this is a file" in failed.err) == (2, True)
    failed = attempt("export", folder / "plain.md" / "out.csv")
    assert (failed.code, "can't be written" in failed.err) == (2, True)


@pytest.mark.slow
@pytest.mark.skipif(
    not DATA.is_dir(), reason="the collection of real prompts isn't beside the repository"
)
def test_real_prompts_go_in_once_come_out_and_change_nothing_again(run, tmp_path):
    first = run("import", DATA)
    count = int(first.out.split(" ")[0])
    assert count > 1_000
    assert f"{count} created" in first.out
    assert f"{count} unchanged; 0 changes" in run("import", DATA).out
    assert run("export", tmp_path / "out").out.startswith(f"{count} prompts written")
    assert f"{count} unchanged; 0 changes" in run("import", tmp_path / "out").out
    run("export", tmp_path / "out.csv", "--tag", "for-devs")
    assert "unchanged; 0 changes" in run("import", tmp_path / "out.csv").out


def test_a_pipe_in_a_folder_isnt_waited_for(run, tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "poet.md").write_text("Rhyme")
    assert run("import", tmp_path).out.startswith("1 prompt: 1 created")


def test_what_was_done_is_also_said_as_json(run, attempt, tmp_path):
    (tmp_path / "a.csv").write_text("act,prompt\nPoet,Rhyme\n,Blank\n")
    done = attempt("import", tmp_path, "--continue", "--json")
    told = json.loads(done.out)
    assert (told["written"], told["created"], told["failed"], done.code) == (True, 1, 1, 2)
    assert [each["source"].rpartition("/")[2] for each in told["items"]] == ["a.csv:3"]
    planned = json.loads(attempt("import", tmp_path, "--dry-run", "--json").out)
    assert [each["kind"] for each in planned["items"]] == ["refused", "unchanged"]
    assert planned["written"] is False


LOSING = '{"name": "poet", "prompt": "Rhyme", "rank": 2}'
LOST = "What the file says as 'rank' isn't kept."


@pytest.mark.parametrize("options", [[], ["--dry-run"], ["--json"]])
def test_what_of_a_file_isnt_kept_is_a_warning_for_that_file(run, tmp_path, options):
    (tmp_path / "poet.json").write_text(LOSING)
    done = run("import", tmp_path / "poet.json", *options)
    assert done.err == f"promptstack: {tmp_path / 'poet.json'}: {LOST}\n"
    assert ("created" in done.out, "rank" in done.out) == (True, "--json" in options)


def test_what_of_a_file_isnt_kept_is_told_as_json_too(run, tmp_path):
    (tmp_path / "poet.json").write_text(LOSING)
    told = run("import", tmp_path, "--json").json
    source = str(tmp_path / "poet.json")
    assert told["items"] == [
        {"source": source, "name": "poet", "kind": "created", "remarks": [LOST]}
    ]
    assert told["remarked"] == 1


def test_of_many_remarks_the_first_are_printed_and_the_others_counted(run, tmp_path):
    prompts = [{"name": f"p{number}", "prompt": "Rhyme", "rank": 2} for number in range(25)]
    (tmp_path / "many.json").write_text(json.dumps(prompts))
    done = run("import", tmp_path)
    lines = done.err.splitlines()
    assert len(lines) == 21
    assert lines[19] == f"promptstack: {tmp_path / 'many.json'}#20: {LOST}"
    assert lines[20] == "promptstack: There are 5 more remarks. Import with --json to read them."
    assert run("import", tmp_path, "--json").json["remarked"] == 25


def test_cells_that_spreadsheets_run_are_warned_of_and_guarded_on_request(run, attempt, tmp_path):
    for number in range(5):
        run("create", f"sum{number}", "--title", f"=SUM({number})", "-t", "+1 for {{who}}")
    run("create", "plain", "-t", "Nothing")
    warned = run("export", tmp_path / "out.csv").err
    (line,) = [line for line in warned.splitlines() if "spreadsheet:" in line]
    cell = "(a cell that spreadsheets run as a formula)"
    assert line == (
        f"promptstack: Don't open the file in a spreadsheet: 'sum0' {cell}, 'sum1' {cell}, 'sum2' "
        f"{cell} and 2 more. Export with --guard-formulas to make them texts."
    )
    guarded = run("export", tmp_path / "safe.csv", "--guard-formulas")
    assert "spreadsheet" not in guarded.err
    assert (tmp_path / "safe.csv").read_text().count("'=SUM(") == 5
    for name in ("out.csv", "safe.csv"):
        done = run("import", tmp_path / name)
        assert "0 new versions" in done.out
    refused = attempt("export", tmp_path / "x.json", "--guard-formulas")
    assert (refused.code, "Guard formulas in csv only" in refused.err) == (2, True)


@pytest.mark.parametrize("options", [[], ["--format", "json"]])
def test_what_get_prints_is_imported_with_no_change(run, tmp_path, options):
    run("create", "poet", "--title", "The Poet", "--tag", "a", "-t", "Rhyme {{words}}", "-m", "why")
    run("update", "poet", "-t", "Rhyme {{words}} well")
    run("label", "poet@1", "production")
    before = _state(run)
    for reference in ("poet", "poet@latest"):
        (tmp_path / "poet.json").write_text(run("get", reference, "--json").out)
        assert "1 unchanged; 0 changes" in run("import", tmp_path / "poet.json", *options).out
    assert _state(run) == before


def test_an_older_text_is_called_that(run, folder):
    run("import", folder / "plain.md")
    run("update", "plain", "-t", "Mine")
    done = run("import", folder / "plain.md")
    assert "Its text is version 1 of 'plain', and not the newest: nothing is changed." in done.err
    assert "Restore 'plain@1' to have it back." in done.err


def test_several_versions_in_one_file_are_refused_as_what_they_are(attempt, tmp_path):
    versions = [
        {"name": "greet", "type": "text", "prompt": text, "version": number, "labels": []}
        for number, text in enumerate(("Hello", "Hi"), 1)
    ]
    (tmp_path / "versions.json").write_text(json.dumps(versions))
    done = attempt("import", tmp_path)
    assert done.code == 2
    assert "or leave one out where they are versions of one prompt" in done.err
