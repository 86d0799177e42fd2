"""`sync`: a folder and the library, kept in step without ever losing a text."""

import os
import signal
import sys
import time
from itertools import product

import pytest

from mcp_server.domain.syncing import Base, decide
from mcp_server.service.syncing import Syncing
from storage.values.errors import Unavailable
from tests.support.processes import PIPE, SECONDS, started


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "prompts"


def test_prompts_become_files_and_files_prompts(run, folder):
    run("create", "review", "-t", "Review {{code}}", "--folder", "team")
    folder.mkdir()
    (folder / "poet.md").write_text("---\nname: poet\ntemplate_format: simple\n---\nRhyme {{a}}")
    done = run("sync", folder)
    assert sorted(done.out.splitlines()) == ["poet.md → poet@1", "review@1 → team/review.md"]
    assert run("get", "poet", "-a", "a=x").out == "Rhyme x"
    assert (folder / "team" / "review.md").read_text().endswith("---\nReview {{code}}")
    assert run("sync", folder).out == ""


def test_each_side_follows_the_other(run, folder):
    run("create", "review", "-t", "one")
    run("sync", folder)
    file = folder / "review.md"
    file.write_text(file.read_text().replace("one", "two"))
    assert run("sync", folder).out == "review.md → review@2\n"
    run("update", "review", "-t", "three", "--title", "Review it")
    assert run("sync", folder).out == "review@3 → review.md\n"
    assert "title: Review it" in file.read_text()
    file.write_text(file.read_text().replace("three", "one"))
    assert run("sync", folder).out == "review.md → review@4\n"
    assert run("get", "review").out == "one"


def test_what_changed_on_both_sides_is_shown_and_left(run, attempt, folder):
    run("create", "review", "-t", "one")
    run("sync", folder)
    file = folder / "review.md"
    file.write_text(file.read_text().replace("one", "mine"))
    run("update", "review", "-t", "theirs")
    done = attempt("sync", folder)
    assert (done.code, done.out) == (5, "")
    assert "review.md: changed, and so did 'review' in the library" in done.err
    assert (file.read_text().endswith("mine"), run("get", "review").out) == (True, "theirs")
    assert run("sync", folder, "--prefer", "files").out == "review.md → review@3\n"
    assert run("get", "review").out == "mine"
    assert run("sync", folder).out == ""


def test_two_texts_that_never_met_are_a_conflict(run, attempt, folder):
    run("create", "review", "-t", "theirs")
    folder.mkdir()
    (folder / "review.md").write_text("mine")
    assert attempt("sync", folder).code == 5
    assert run("sync", folder, "--prefer", "library").out == "review@1 → review.md\n"


def test_nothing_is_deleted_on_either_side(run, attempt, folder):
    run("create", "a", "-t", "a")
    run("create", "b", "-t", "b")
    run("sync", folder)
    (folder / "a.md").unlink()
    run("archive", "b")
    done = attempt("sync", folder)
    assert done.code == 5
    assert "a.md: deleted here, and 'a' is still in the library" in done.err
    assert "b.md: 'b' is archived in the library" in done.err
    assert (run("get", "a").out, (folder / "b.md").exists()) == ("a", True)


def test_a_file_that_cant_be_read_keeps_its_prompt(run, attempt, folder):
    run("create", "a", "-t", "a")
    run("create", "b", "-t", "b")
    run("sync", folder)
    (folder / "a.md").write_text("---\nname: [\n---\n")
    run("update", "b", "-t", "bb")
    done = attempt("sync", folder)
    assert (done.code, done.out) == (5, "b@2 → b.md\n")
    assert "a.md:3:" in done.err
    assert run("get", "a").out == "a"


def test_other_formats_are_kept(run, folder):
    run("create", "a", "-t", "a {{b}}")
    assert run("sync", folder, "--format", "yaml").out == "a@1 → a.yaml\n"
    run("update", "a", "-t", "c {{b}}")
    assert run("sync", folder).out == "a@2 → a.yaml\n"
    assert run("sync", folder).out == ""


def test_what_isnt_a_folder_is_refused(attempt, tmp_path):
    (tmp_path / "x").write_text("")
    assert "this is a file" in attempt("sync", tmp_path / "x").err
    assert "isn't kept in 'csv'" in attempt("sync", tmp_path / "y", "--format", "csv").err
    assert "no side to prefer" in attempt("sync", tmp_path / "y", "--prefer", "mine").err


@pytest.mark.parametrize("sides", list(product((None, "1", "2", "3"), repeat=4)))
@pytest.mark.parametrize("agree", [False, True])
def test_a_text_that_only_one_side_has_is_never_overwritten(sides, agree):
    last_file, last_library, file, library = sides
    known = last_file is not None and last_library is not None
    base = Base("a.md", last_file, last_library) if known else None
    step = decide(base, file, library, agree=agree)
    if step == "write file":
        assert file in (None, base and base.file)
    if step in ("create", "update"):
        assert library in (None, base and base.library)
    if step == "in step":
        assert agree or file is None or (base is not None and (file, library) == sides[:2])


@pytest.mark.slow
def test_watching_follows_both_sides(run, folder, database_url):
    folder.mkdir()
    command = [sys.executable, "-m", "mcp_server", "sync", str(folder), "--watch"]
    environment = {**os.environ, "DATABASE_URL": database_url}
    pipes = {"stdout": PIPE, "stderr": PIPE, "text": True}
    with started(command, env=environment, **pipes) as watching:
        run("create", "a", "-t", "one")
        file = folder / "a.md"
        _wait(lambda: file.exists())
        _wait(lambda: file.read_text().endswith("one"))
        file.write_text(file.read_text().replace("one", "two"))
        _wait(lambda: run("get", "a").out == "two")
        watching.send_signal(signal.SIGINT)
        _, told = watching.communicate(timeout=SECONDS)
        assert (watching.returncode, told) == (0, "")


def _wait(holds):
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_what_a_files_new_format_has_no_place_for_stays_in_the_library(run, folder):
    folder.mkdir()
    (folder / "a.md").write_text(
        "---\nname: a\ntitle: A title\ndescription: Old\ntags: [x, y]\nfolder: team/one\n---\none"
    )
    run("sync", folder)
    (folder / "a.md").unlink()
    (folder / ".claude" / "commands").mkdir(parents=True)
    (folder / ".claude" / "commands" / "a.md").write_text("---\ndescription: New\n---\ntwo")
    run("sync", folder)
    read = run("get", "a", "--json").json
    assert (read["template"], read["description"]) == ("two", "New")
    assert (read["title"], read["tags"]) == ("A title", ["x", "y"])
    assert read["folder"] == ""  # which the place of a command says


def test_what_is_taken_out_of_a_file_is_taken_out_of_the_library(run, folder):
    folder.mkdir()
    file = folder / "a.md"
    file.write_text("---\nname: a\ntitle: A title\ntags: [x]\n---\none")
    run("sync", folder)
    file.write_text("---\nname: a\ntitle: A title\n---\ntwo")
    run("sync", folder)
    read = run("get", "a", "--json").json
    assert (read["template"], read["title"], read["tags"]) == ("two", "A title", [])


def test_new_files_that_include_each_other_are_taken_in_one_run(run, folder):
    folder.mkdir()
    for name, text in {"a": "{{> b}}", "b": "{{> c}}", "c": "{{> d}}", "d": "Deep"}.items():
        front = "---\ntemplate_format: simple\n---\n"
        (folder / f"{name}.md").write_text(front + text)
    done = run("sync", folder)
    assert (sorted(done.out.split()[::3]), done.err) == (["a.md", "b.md", "c.md", "d.md"], "")
    assert run("get", "a", "--render").out == "Deep"
    assert run("sync", folder).out == ""


def test_what_breaks_those_who_include_it_is_taken_only_by_force(run, attempt, folder):
    run("create", "base", "-t", "Base")
    run("create", "user", "-t", "{{> base}}")
    run("sync", folder)
    path = folder / "base.md"
    path.write_text(path.read_text().replace("Base", "{{> user}}"))
    refused = attempt("sync", folder)
    assert (refused.code, refused.out) == (5, "")
    assert "in a circle" in refused.err
    assert run("get", "base").out == "Base"
    path.write_text(
        '{"name": "base", "messages": [{"role": "user", "content": "1"}, '
        '{"role": "user", "content": "2"}]}'
    )
    path.rename(folder / "base.json")
    refused = attempt("sync", folder)
    assert "'base' is included by 'user', which couldn't be used any more" in refused.err
    forced = run("sync", folder, "--force", "--json").json
    (item,) = forced["items"]
    assert (item["kind"], item["version"]) == ("taken", 2)
    assert "'base' is included by 'user', which can't be used any more" in item["remarks"][0]
    assert run("sync", folder).out == ""


def test_what_was_done_is_told_where_the_database_goes_away(run, attempt, folder, monkeypatch):
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.md").write_text("Text")
    write = Syncing.write

    async def fail(self, file, **options):
        if file.metadata.name == "b":
            raise Unavailable("The database is away.")
        return await write(self, file, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Syncing, "write", fail)
        done = attempt("sync", folder, "--json")
    assert (done.code, done.json["items"][0]["name"]) == (6, "a")
    assert "The database is away." in done.err
    assert "b.md → b@1\nc.md → c@1\n" in attempt("sync", folder).out
