"""Where files are read and written: inside of the folder named, and over nothing unknown."""

import json
import os
import stat
import time

import pytest

from mcp_server.cli import places
from mcp_server.cli.places import is_inside, path_in, replacing, write_file
from mcp_server.cli.sources import would_be_read
from storage.values.errors import Conflict, Invalid

DAY = 24 * 60 * 60


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "prompts"
    folder.mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "diary.md").write_text("Nobody's business")
    return folder


def _everything(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("place", ["a.md", "a/b.md", "…/a.md", "..a/b..md"])
def test_a_relative_path_that_leads_down_is_inside(place):
    assert is_inside(place)


@pytest.mark.parametrize(
    "place", ["", ".", "..", "/a.md", "../a.md", "a/../b.md", "a//b.md", "./a.md", "a/..", "a\0b"]
)
def test_any_other_path_isnt(place):
    assert not is_inside(place)
    with pytest.raises(Invalid, match="isn't a path inside of"):
        path_in(places.Path("x"), place)


def test_a_link_is_no_place_to_write_to_and_neither_is_what_it_leads_to(folder):
    (folder / "linked").symlink_to("../outside")
    (folder / "a.md").symlink_to("../outside/diary.md")
    (folder / "b").mkdir()
    (folder / "c").write_text("a file")
    os.mkfifo(folder / "d")
    for place, reason in {
        "linked/x.md": "leads out of",
        "linked/deep/x.md": "leads out of",
        "a.md": "is a link",
        "b": "is no file",
        "c/x.md": "is no folder",
        "d": "is no file",
    }.items():
        with pytest.raises(Conflict, match=reason):
            path_in(folder, place)
    assert path_in(folder, "b/new/x.md") == folder / "b" / "new" / "x.md"


def test_a_folder_that_is_a_link_itself_is_written_to(folder, tmp_path):
    (tmp_path / "named").symlink_to("prompts")
    write_file(path_in(tmp_path / "named", "a/x.md"), b"x", seen=None)
    assert _everything(folder) == {"a/x.md": b"x"}


def test_a_file_is_replaced_at_once_and_keeps_its_mode(folder):
    file = folder / "a.md"
    file.write_bytes(b"one")
    file.chmod(0o640)
    write_file(file, b"two", seen=b"one")
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (b"two", 0o640)
    assert os.listdir(folder) == ["a.md"]


def test_what_isnt_as_it_was_seen_is_left(folder):
    file = folder / "a.md"
    file.write_bytes(b"changed")
    for seen in (b"one", None):
        with pytest.raises(Conflict, match="left as it is"):
            write_file(file, b"two", seen=seen)
    assert _everything(folder) == {"a.md": b"changed"}


def test_without_links_a_new_file_still_replaces_nothing(folder, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(places.os, "link", refuse)
    write_file(folder / "a.md", b"one", seen=None)
    with pytest.raises(Conflict):
        write_file(folder / "a.md", b"two", seen=None)
    assert _everything(folder) == {"a.md": b"one"}


def test_what_isnt_written_to_its_end_leaves_nothing(folder):
    (folder / "a.md").write_bytes(b"one")
    with pytest.raises(ZeroDivisionError), replacing(folder / "a.md") as out:
        out.write(b"tw")
        raise ZeroDivisionError
    assert _everything(folder) == {"a.md": b"one"}


PART = f".promptstack-{'0a' * 8}.part"
OURS_AND_OLD = [PART, f"team/{PART}", f".claude/commands/{PART}"]


def _put_parts(folder):
    """Put unfinished files into a folder: three old ones of ours, and others that have to stay."""
    kept = [f".promptstack-{'0b' * 8}.part", "my.part", ".promptstack-x.part", f"{PART}.md"]
    for name in [*OURS_AND_OLD, *kept, f".git/{PART}"]:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
        moment = time.time() - (2 * DAY if name != kept[0] else DAY / 2)
        os.utime(path, (moment, moment))
    (folder / f".promptstack-{'0c' * 8}.part").mkdir()
    os.utime(folder / f".promptstack-{'0c' * 8}.part", (0, 0))


@pytest.mark.parametrize("command", ["sync", "export"])
def test_what_a_killed_run_left_half_written_is_removed_once_it_is_old(run, folder, command):
    run("create", "review", "-t", "Look", "--folder", "team")
    run("create", "plain", "-t", "Plain")
    _put_parts(folder)
    before = _everything(folder).keys()
    gone = OURS_AND_OLD if command == "sync" else OURS_AND_OLD[:2]  # where it writes
    run(command, folder)
    assert before - _everything(folder).keys() == set(gone)
    assert (folder / f".promptstack-{'0c' * 8}.part").is_dir()


def test_what_a_killed_export_to_a_file_left_is_removed_beside_the_file(run, folder):
    _put_parts(folder)
    before = _everything(folder).keys()
    run("export", folder / "all.json")
    assert before - _everything(folder).keys() == {PART}


def test_an_import_removes_nothing(run, folder):
    (folder / "a.md").write_text("A")
    _put_parts(folder)
    before = _everything(folder)
    run("import", folder)
    assert _everything(folder) == before


def test_what_is_written_now_is_called_as_what_is_removed(folder):
    with replacing(folder / "a.md") as out:
        (unfinished,) = os.listdir(folder)
        out.write(b"one")
        os.utime(folder / unfinished, (0, 0))
        places.remove_leftovers(folder)
        assert os.listdir(folder) == []
        (folder / unfinished).write_bytes(b"one")


@pytest.mark.parametrize(
    ("place", "read"),
    [
        ("a.md", True),
        ("b/a.yaml", True),
        (".a.md", False),
        ("a.txt", False),
        (".git/a.md", False),
        (".claude/commands/a.md", True),
        (".claude/commands/b/a.md", True),
        (".claude/a.md", False),
        (".claude/other/a.md", False),
        ("tidy/SKILL.md", True),
        ("tidy/a.md", False),
        ("tidy/more/a.md", False),
    ],
)
def test_which_places_are_read(folder, place, read):
    path = folder / "tidy" / "SKILL.md"
    path.parent.mkdir()
    path.write_text("x")
    assert would_be_read(folder, place) is read


def test_links_that_leave_a_folder_are_not_read_and_are_named(run, folder):
    (folder / "note.md").write_text("A note")
    (folder / "again.md").symlink_to("note.md")
    (folder / "diary.md").symlink_to("../outside/diary.md")
    (folder / "more").symlink_to("../outside")
    (folder / "skill").mkdir()
    (folder / "skill" / "SKILL.md").symlink_to("../../outside/diary.md")
    done = run("import", folder)
    assert done.out.startswith("1 prompt: 1 created")
    told = [line for line in done.err.splitlines() if "leads out of the folder" in line]
    assert [line.split(": ")[1].rpartition("/")[2] for line in told] == [
        "more",
        "diary.md",
        "SKILL.md",
    ]
    assert "Nobody" not in run("list", "--json").out


def test_a_link_that_is_named_by_itself_is_read(run, folder):
    (folder / "diary.md").symlink_to("../outside/diary.md")
    assert run("import", folder / "diary.md").out.startswith("1 prompt: 1 created")
    assert run("get", "diary").out == "Nobody's business"


@pytest.mark.parametrize(
    ("format_", "place"),
    [
        ("markdown", "team/review.md"),
        ("json", "team/review.json"),
        ("yaml", "team/review.yaml"),
        ("csv", "team/review.csv"),
        ("skill", "review/SKILL.md"),
        ("claude-command", ".claude/commands/team/review.md"),
        ("vscode", ".github/prompts/review.prompt.md"),
        ("langfuse", "team/review.json"),
        ("mlflow", "team/review.json"),
        ("openai", "team/review.json"),
    ],
)
def test_an_export_replaces_what_the_library_has_or_had_and_nothing_else(
    run, attempt, folder, format_, place
):
    export = ("export", folder, "--each", "--format", format_)
    run("create", "review", "-t", "Look at {{code}}", "--folder", "team")
    run(*export)
    first = (folder / place).read_bytes()
    run("update", "review", "-t", "Look closely at {{code}}")
    assert run(*export).out.startswith("1 prompt written")
    second = (folder / place).read_bytes()
    assert first != second
    assert _everything(folder) == {place: second}
    for foreign in (second.replace(b"closely", b"away"), b"\xff\xfe", b"not at all\n"):
        (folder / place).write_bytes(foreign)
        done = attempt(*export)
        assert (done.code, done.out.startswith("0 prompts written")) == (5, True)
        assert "This holds something else than 'review' as it is or was in the library" in done.err
        assert _everything(folder) == {place: foreign}
    run(*export, "--force")
    assert _everything(folder) == {place: second}


def test_an_export_of_histories_goes_on_also_where_a_prompt_is_archived(run, attempt, folder):
    export = ("export", folder, "--each", "--history", "--format", "json")
    run("create", "review", "-t", "Look")
    run(*export)
    run("update", "review", "-t", "Look closely")
    run("archive", "review")
    assert run(*export).out.startswith("1 prompt written")
    foreign = (folder / "review.json").read_bytes().replace(b"Look", b"Stare")
    (folder / "review.json").write_bytes(foreign)
    assert attempt(*export).code == 5
    assert _everything(folder) == {"review.json": foreign}


def test_an_export_doesnt_replace_another_prompts_file(run, attempt, folder):
    run("create", "review", "-t", "Look")
    run("export", folder)
    other = (folder / "review.md").read_text().replace("name: review", "name: relook")
    (folder / "review.md").write_text(other)
    assert attempt("export", folder).code == 5
    assert (folder / "review.md").read_text() == other


def test_an_export_stays_inside_of_its_folder(attempt, run, folder, tmp_path):
    run("create", "letter", "-t", "Dear {{who}}", "--folder", "support")
    run("create", "diary", "-t", "Mine")
    run("create", "plain", "-t", "Plain")
    (folder / "support").symlink_to("../outside")
    (folder / "diary.md").symlink_to("../outside/diary.md")
    done = attempt("export", folder, "--force")
    assert (done.code, done.out.startswith("1 prompt written")) == (5, True)
    assert "This leads out of" in done.err
    assert "diary.md: This is a link" in done.err
    assert _everything(tmp_path / "outside") == {"diary.md": b"Nobody's business"}


def test_an_export_to_a_file_replaces_what_a_link_leads_to_and_no_device(run, tmp_path):
    run("create", "plain", "-t", "Plain")
    (tmp_path / "real.json").write_text("[]")
    (tmp_path / "link.json").symlink_to("real.json")
    run("export", tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert "Plain" in (tmp_path / "real.json").read_text()
    run("export", "/dev/null", "--format", "json")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_an_export_over_a_platforms_file_keeps_what_only_the_file_has(run, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    value = {
        "name": "movie", "type": "text", "prompt": "Rate {{film}}", "config": {},
        "labels": ["staging"], "tags": [], "projectId": "p1",
    }  # fmt: skip
    (folder / "movie.json").write_text(json.dumps(value, indent=2))
    run("import", folder)
    run("update", "movie", "-t", "Rate {{film}} well")
    run("export", folder, "--each", "--format", "langfuse")
    kept = json.loads((folder / "movie.json").read_text())
    assert kept == value | {"prompt": "Rate {{film}} well"}
