"""`sync` writes inside of its folder, over nothing that it doesn't know, and nothing by halves."""

import json

import pytest

from mcp_server.cli import synced_folders

STATE = ".promptstack-sync.json"
FOREIGN = {
    "broken.md": b"---\nname: broken\ntags: [a\n---\nA text with care in it",
    "latin.md": "Grüße".encode("latin-1"),
    "license.md": b"# Who may use this\n",
    "taken.md": b"---\nname: somebody\n---\nA text of somebody's own",
    "many.json": b'[{"name": "m1", "template": "1"}, {"name": "m2", "template": "2"}]',
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "diary.md").write_text("Nobody's business")
    folder = tmp_path / "prompts"
    folder.mkdir()
    return folder


def _everything(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != STATE
    }


@pytest.fixture
def foreign(folder):
    for name, content in FOREIGN.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("prefer", [[], ["--prefer", "library"]])
def test_files_that_hold_something_else_are_never_written_over(run, attempt, foreign, prefer):
    for name in ("broken", "latin", "license", "taken"):
        run("create", name, "-t", "From the library")
    run("create", "many", "-t", "From the library")
    done = attempt("sync", foreign, *prefer)
    assert done.code == 5
    assert sorted(done.out.splitlines()) == [
        "license@1 → license-2.md",
        "many@1 → many.md",
        "taken.md → somebody@1",
        "taken@1 → taken-2.md",
    ]
    for name in ("broken", "latin"):
        assert f"{name}: Its file would be {name}.md, which can't be read" in done.err
    assert "many.json: this holds several prompts" in done.err
    there = _everything(foreign)
    assert there | FOREIGN == there
    done = attempt("sync", foreign, *prefer)
    assert (done.code, done.out, _everything(foreign)) == (5, "", there)


@pytest.mark.parametrize("name", ["Review.md", "REVIEW.MD"])
def test_places_that_differ_by_case_alone_are_one(run, folder, name):
    (folder / name).write_text("---\nname: other\n---\nAnother text")
    run("create", "review", "-t", "Review")
    assert "review@1 → review-2.md" in run("sync", folder).out
    assert run("sync", folder).out == ""
    assert sorted(_everything(folder)) == [name, "review-2.md"]


def test_places_are_compared_in_one_form_of_each_letter():
    assert synced_folders._folded("Cafe\u0301.md") == synced_folders._folded("CAF\u00c9.md")


def test_a_folder_at_the_place_of_a_file_is_left(run, folder):
    (folder / "review.md").mkdir()
    (folder / "team").write_text("a file")
    run("create", "review", "-t", "Review")
    assert run("sync", folder).out == "review@1 → review-2.md\n"


def test_a_file_at_the_place_of_a_folder_is_left_and_said(run, attempt, folder):
    (folder / "team").write_text("a file")
    run("create", "review", "-t", "Review", "--folder", "team")
    done = attempt("sync", folder)
    assert (done.code, done.out, _everything(folder)) == (5, "", {"team": b"a file"})
    assert "team is no folder" in done.err


def test_a_link_out_of_the_folder_is_neither_read_nor_written_through(
    run, attempt, folder, tmp_path
):
    (folder / "team").symlink_to("../outside")
    (folder / "diary.md").symlink_to("../outside/diary.md")
    run("create", "review", "-t", "Review", "--folder", "team")
    run("create", "diary", "-t", "Diary")
    done = attempt("sync", folder)
    assert (done.code, done.out) == (5, "diary@1 → diary-2.md\n")
    assert "review: This leads out of" in done.err
    assert done.err.count("this link leads out of the folder, and wasn't followed") == 2
    assert _everything(tmp_path / "outside") == {"diary.md": b"Nobody's business"}


@pytest.mark.parametrize("hidden", [".hidden", "read"])
def test_nothing_is_written_through_a_link_inside_of_the_folder(run, folder, hidden):
    (folder / hidden).mkdir()
    (folder / "team").symlink_to(hidden)
    run("create", "review", "-t", "Review", "--folder", "team/deep")
    assert run("sync", folder).out == "review@1 → review.md\n"
    done = run("sync", folder)
    assert (done.out, done.err) == ("", "")
    assert list(_everything(folder)) == ["review.md"]


def test_a_file_that_is_a_link_inside_of_the_folder_is_read_and_not_written(run, attempt, folder):
    (folder / "real.txt").write_text("Review")
    (folder / "review.md").symlink_to("real.txt")
    assert run("sync", folder).out == "review.md → review@1\n"
    run("update", "review", "-t", "Again")
    done = attempt("sync", folder)
    assert (done.code, done.out) == (5, "")
    assert "review.md: This is a link" in done.err
    assert (folder / "real.txt").read_text() == "Review"


def test_a_file_that_changes_while_it_is_synced_is_left(run, attempt, folder, monkeypatch):
    run("create", "review", "-t", "one")
    run("sync", folder)
    run("update", "review", "-t", "two")
    rewrite = synced_folders.rewriting.rewrite

    def slow(*given):
        (folder / "review.md").write_text("written meanwhile")
        return rewrite(*given)

    monkeypatch.setattr(synced_folders.rewriting, "rewrite", slow)
    done = attempt("sync", folder)
    assert (done.code, done.out) == (5, "")
    assert "review.md: This changed in between" in done.err
    assert _everything(folder) == {"review.md": b"written meanwhile"}


def test_a_file_that_changes_right_after_it_was_read_is_left(run, attempt, folder, monkeypatch):
    run("create", "review", "-t", "one")
    run("sync", folder)
    run("update", "review", "-t", "two")
    read = synced_folders.SyncedFolder.read

    def slow(place):
        found = read(place)
        (folder / "review.md").write_text("written meanwhile")
        return found

    monkeypatch.setattr(synced_folders.SyncedFolder, "read", slow)
    done = attempt("sync", folder)
    assert (done.code, "review.md: This changed in between" in done.err) == (5, True)
    assert _everything(folder) == {"review.md": b"written meanwhile"}


def test_no_name_is_left_is_said(run, attempt, folder):
    for name in ["review.md", *(f"review-{number}.md" for number in range(2, 99))]:
        (folder / name).write_text("---\nname: [\n---\n" if "-" in name else "# x")
    (folder / "review.md").write_text("---\nname: other\n---\nx")
    run("create", "review", "-t", "one")
    done = attempt("sync", folder)
    assert done.code == 5
    assert "review: No file for it can be had in" in done.err


SHAPES = {
    "no JSON": "{",
    "deep": "[" * 100_000,
    "a list": "[]",
    "no prompts": "{}",
    "prompts as a list": '{"prompts": []}',
    "a text": '{"prompts": {"x": "y"}}',
    "nothing": '{"prompts": {"x": {}}}',
    "a number for the file": '{"prompts": {"x": {"file": 1, "fingerprint": "f"}}}',
    "no fingerprint": '{"prompts": {"x": {"file": "a.md"}}}',
    "a list for the fingerprint": '{"prompts": {"x": {"file": "a.md", "fingerprint": []}}}',
    "no name": '{"prompts": {"../x": {"file": "a.md", "fingerprint": "f"}}}',
    "text for fields": '{"prompts": {"x": {"file": "a", "fingerprint": "f", "says": "title"}}}',
    "unknown fields": '{"prompts": {"x": {"file": "a", "fingerprint": "f", "unsaid": [["a"]]}}}',
    "not UTF-8": b"\xff",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_state_that_no_sync_left_is_refused_in_a_sentence(attempt, run, folder, shape):
    run("create", "x", "-t", "Text")
    written = SHAPES[shape]
    (folder / STATE).write_bytes(written if isinstance(written, bytes) else written.encode())
    done = attempt("sync", folder)
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert f"{STATE}: " in done.err
    assert "Delete this file" in done.err
    assert _everything(folder) == {}


@pytest.mark.parametrize("place", ["../outside/diary.md", "/etc/hostname", "a/../../b.md", "", "."])
def test_a_state_that_leads_out_of_the_folder_is_refused(attempt, run, folder, tmp_path, place):
    run("create", "x", "-t", "Text")
    entry = {"file": place, "fingerprint": "0" * 64}
    (folder / STATE).write_text(json.dumps({"prompts": {"x": entry}}))
    done = attempt("sync", folder)
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "which isn't in the folder" in done.err
    assert _everything(tmp_path / "outside") == {"diary.md": b"Nobody's business"}


def test_a_state_that_names_a_file_that_isnt_there_writes_nothing(attempt, run, folder):
    run("create", "x", "-t", "Text")
    entry = {"file": "gone.md", "fingerprint": "0" * 64}
    (folder / STATE).write_text(json.dumps({"prompts": {"x": entry}}))
    done = attempt("sync", folder)
    assert (done.code, _everything(folder)) == (5, {})
    assert "gone.md: deleted here" in done.err


def test_a_state_that_is_a_link_is_not_followed(attempt, run, folder, tmp_path):
    run("create", "x", "-t", "Text")
    (tmp_path / "outside" / "state.json").write_text('{"prompts": {}}')
    (folder / STATE).symlink_to("../outside/state.json")
    done = attempt("sync", folder)
    assert (done.code, "is a link or no file" in done.err) == (2, True)
    assert (tmp_path / "outside" / "state.json").read_text() == '{"prompts": {}}'


def test_a_state_of_before_is_understood(run, folder):
    run("create", "x", "-t", "one")
    run("sync", folder)
    state = json.loads((folder / STATE).read_text())["prompts"]["x"]
    old = {"file": state["file"], "fingerprint": state["fingerprint"]}
    (folder / STATE).write_text(json.dumps({"prompts": {"x": old}}))
    run("update", "x", "-t", "two")
    assert run("sync", folder).out == "x@2 → x.md\n"


def test_a_sync_that_changes_nothing_touches_nothing(run, folder):
    run("create", "x", "-t", "one")
    run("sync", folder)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    run("sync", folder)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
