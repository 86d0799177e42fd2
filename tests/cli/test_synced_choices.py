"""`sync` of a part of the library, what became of prompts that aren't in it, and what it tells."""

import json

import pytest

from mcp_server.cli import sync_runs
from mcp_server.service import syncing

STATE = ".promptstack-sync.json"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "prompts"


def _everything(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("narrowed", [["--tag", "sea"], ["--folder", "sea/"]])
@pytest.mark.parametrize("edited", [False, True])
def test_what_isnt_asked_for_is_left_alone_and_counted(run, folder, narrowed, edited):
    run("create", "sail", "-t", "Sail", "--folder", "sea/north", "--tag", "sea", "--tag", "wind")
    run("create", "walk", "-t", "Walk", "--folder", "seaside")
    run("sync", folder)
    if edited:
        (folder / "seaside" / "walk.md").write_text("---\nname: walk\n---\nRun")
    run("update", "walk", "-t", "Stroll")
    run("update", "sail", "-t", "Row")
    there, state = _everything(folder), json.loads((folder / STATE).read_text())
    done = run("sync", folder, *narrowed)
    assert done.out == "sail@2 → sea/north/sail.md\n"
    assert done.err == "promptstack: Not asked for, and left alone: 1 file.\n"
    assert _everything(folder)["seaside/walk.md"] == there["seaside/walk.md"]
    kept = json.loads((folder / STATE).read_text())["prompts"]
    assert kept["walk"] == state["prompts"]["walk"]
    assert run("get", "walk").out == "Stroll"


def test_a_published_part_is_a_filter_too(run, folder):
    run("create", "walk", "-t", "Walk")
    run("create", "sail", "-t", "Sail", "--tag", "sea")
    run("sync", folder)
    run("update", "walk", "-t", "Stroll")
    done = run("--tag", "sea", "sync", folder)
    assert (done.out, "left alone: 1 file" in done.err) == ("", True)


def test_a_deleted_file_of_what_isnt_asked_for_is_still_known_to_be_deleted(run, attempt, folder):
    run("create", "walk", "-t", "Walk")
    run("sync", folder)
    (folder / "walk.md").unlink()
    done = run("sync", folder, "--tag", "sea")
    assert (done.out, done.err) == ("", "")
    assert "walk.md: deleted here" in attempt("sync", folder).err


def test_a_prompt_that_leaves_what_is_asked_for_keeps_its_file(run, folder):
    run("create", "sail", "-t", "Sail", "--tag", "sea")
    run("sync", folder, "--tag", "sea")
    there = _everything(folder)
    run("update", "sail", "--tag", "land")
    done = run("sync", folder, "--tag", "sea")
    assert done.err == "promptstack: Not asked for, and left alone: 1 file.\n"
    assert _everything(folder) == there


def test_only_new_files_that_are_asked_for_become_prompts(run, folder):
    folder.mkdir()
    for name, tags in (("sail", "[ sea , wind ]"), ("walk", "[land]"), ("plain", "[]")):
        (folder / f"{name}.md").write_text(f"---\nname: {name}\ntags: {tags}\n---\nText")
    done = run("sync", folder, "--tag", "sea")
    assert done.out == "sail.md → sail@1\n"
    assert "left alone: 2 files" in done.err
    assert run("sync", folder).out == "plain.md → plain@1\nwalk.md → walk@1\n"


def test_why_a_prompt_isnt_there_is_said_as_it_is(run, attempt, folder):
    for name in ("old", "former"):
        run("create", name, "-t", "Text")
    run("sync", folder)
    run("archive", "old")
    run("update", "former", "--new-name", "present")
    known = json.loads((folder / STATE).read_text())
    known["prompts"]["stranger"] = known["prompts"]["old"] | {"file": "stranger.md"}
    (folder / STATE).write_text(json.dumps(known))
    (folder / "stranger.md").write_text("Text")
    there = _everything(folder)
    done = attempt("sync", folder)
    assert (done.code, done.out) == (5, "present@1 → present.md\n")
    assert "old.md: 'old' is archived in the library. Restore it there" in done.err
    assert "former.md: 'former' was renamed to 'present' in the library" in done.err
    assert "stranger.md: 'stranger' isn't in this library any more" in done.err
    assert there.items() - {(STATE, there[STATE])} <= _everything(folder).items()


def test_a_file_that_no_sync_met_says_why_its_name_is_taken(run, attempt, folder):
    folder.mkdir()
    for name in ("old", "former"):
        run("create", name, "-t", "Text")
        (folder / f"{name}.md").write_text("Another text")
    run("archive", "old")
    run("update", "former", "--new-name", "present")
    done = attempt("sync", folder)
    assert done.code == 5
    assert "old.md: 'old' is archived in the library" in done.err
    assert "former.md: 'former' was renamed to 'present'" in done.err


def test_a_prompt_that_was_made_while_a_sync_looked_isnt_taken_for_a_new_one(
    run, attempt, folder, monkeypatch
):
    folder.mkdir()
    (folder / "sail.md").write_text("Sail")
    find = syncing.Syncing.find

    async def late(self, names, chosen):
        await self._prompts.create("sail", syncing.PromptInput(template="Row"))
        return await find(self, names, chosen)

    monkeypatch.setattr(syncing.Syncing, "find", late)
    done = attempt("sync", folder)
    assert (done.code, done.out) == (5, "")
    assert "sail.md: changed, and so did 'sail' in the library" in done.err
    assert run("get", "sail").out == "Row"


REMARKED = '{"name": "sail", "prompt": "Sail", "projectId": "p1", "labels": ["best"]}'


def test_what_isnt_kept_of_a_file_is_told_when_it_is_taken_and_only_then(run, folder):
    folder.mkdir()
    file = folder / "sail.json"
    file.write_text(REMARKED)
    told = run("sync", folder).err.splitlines()
    assert told == [
        "promptstack: sail.json: What the file says as 'projectId' isn't kept.",
        "promptstack: sail.json: A sync sets no labels, and leaves out 'best'. Set labels with "
        "`promptstack label`.",
    ]
    assert run("sync", folder).err == ""
    file.write_text(REMARKED.replace('"Sail"', '"Row"'))
    assert run("sync", folder).err.splitlines() == told
    assert run("sync", folder).err == ""


def test_what_isnt_kept_of_a_file_that_the_library_agrees_with_is_told_once(run, folder):
    folder.mkdir()
    (folder / "sail.json").write_text(REMARKED)
    run("import", folder / "sail.json")
    done = run("sync", folder)
    assert (done.out, "'projectId' isn't kept" in done.err) == ("", True)
    assert run("sync", folder).err == ""


def test_a_history_that_a_sync_leaves_out_is_told(run, folder):
    run("create", "sail", "-t", "Sail")
    run("export", folder, "--each", "--history", "--format", "json")
    assert "sail.json: Its history isn't synced, only its newest text" in run("sync", folder).err
    assert run("sync", folder).err == ""


def test_json_tells_what_was_done_and_what_was_said(run, attempt, folder):
    run("create", "walk", "-t", "Walk", "--folder", "land")
    run("create", "stay", "-t", "Stay")
    folder.mkdir()
    (folder / "sail.json").write_text(REMARKED)
    (folder / "stay.md").write_text("Leave")
    (folder / "broken.md").write_text("---\nname: [\n---\n")
    done = attempt("sync", folder, "--json")
    broken, said = done.json["remarks"], done.err.splitlines()
    assert (done.code, len(broken), f"promptstack: {broken[0]}" in said) == (5, 1, True)
    items = {item["name"]: item for item in done.json["items"]}
    assert (done.json["left"], done.json["not_asked_for"], len(items)) == (2, 0, 3)
    assert items["walk"] == {
        "source": "land/walk.md", "name": "walk", "kind": "written", "version": 1,
    }  # fmt: skip
    assert (items["sail"]["kind"], items["sail"]["version"]) == ("taken", 1)
    assert items["sail"]["remarks"][0] == "What the file says as 'projectId' isn't kept."
    assert items["stay"]["kind"] == "left"
    assert items["stay"]["message"].startswith("changed, and so did 'stay' in the library")
    (folder / "stay.md").unlink()
    (folder / "broken.md").unlink()
    done = run("sync", folder, "--json")
    assert [item["kind"] for item in done.json["items"]] == ["written"]
    empty = {"left": 0, "not_asked_for": 0, "remarks": [], "items": []}
    assert run("sync", folder, "--json").json == empty
    assert run("sync", folder, "--json", "--tag", "sea").json == empty | {"not_asked_for": 3}


def test_json_doesnt_go_with_watching(attempt, folder):
    done = attempt("sync", folder, "--json", "--watch")
    assert (done.code, "--json tells of one sync" in done.err) == (2, True)


def test_prompts_beyond_a_page_are_synced_all(run, folder, monkeypatch):
    monkeypatch.setattr(syncing, "_PAGE", 2)
    monkeypatch.setattr(sync_runs, "_BATCH", 2)
    folder.mkdir()
    for number in range(5):
        run("create", f"a{number}", "-t", "Text")
        (folder / f"b{number}.md").write_text("Text")
    assert len(run("sync", folder).out.splitlines()) == 10
    assert run("sync", folder).out == ""
    assert len(run("list", "--json").json["items"]) == 10
