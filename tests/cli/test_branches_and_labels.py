"""Branches and labels as sentences and tables, and what they say where JSON is asked for."""

import pytest


@pytest.fixture
def story(run):
    """A prompt whose branch is a version ahead of main."""
    run("create", "story", "-t", "one\ntwo\nthree\n")
    made = run("branch", "story", "draft").out
    assert made == "story: the branch draft begins at version 1\n"
    run("update", "story", "--branch", "draft", "-t", "one\n2\nthree\n")
    return run


def test_branches_are_compared_with_main(story):
    lines = story("branches", "story").out.splitlines()
    assert [line.split("\t") for line in lines] == [
        ["draft", "2", "1", "0", "tester"],
        ["main", "1", "0", "0", "tester"],
    ]
    listed = story("branches", "story", "--json").json
    assert [(each["branch"], each["ahead"]) for each in listed["items"]] == [
        ("draft", 1),
        ("main", 0),
    ]


def test_what_a_merge_does_is_one_sentence(story):
    ahead = story("merge", "story", "draft").out
    assert ahead == "story: main moved ahead to version 2, the newest of draft\n"
    nothing = story("merge", "story", "draft").out
    assert nothing == "story: everything of draft is in main already\n"
    story("update", "story", "--branch", "draft", "-t", "1\n2\nthree\n")
    story("update", "story", "-t", "one\n2\n3\n")
    merged = story("merge", "story", "draft", "--delete-branch").out
    assert merged == "story: merged draft into main as version 5; deleted the branch draft\n"
    assert story("get", "story").out == "1\n2\n3\n"


def test_a_conflict_is_shown_and_decided_by_a_text(story, attempt):
    story("update", "story", "-t", "one\nII\nthree\n")
    refused = attempt("merge", "story", "draft")
    assert refused.code == 5
    assert "<<<<<<< main (version 3)\nII" in refused.err
    story("merge", "story", "draft", "-t", "one\nboth\nthree\n")
    assert story("get", "story").out == "one\nboth\nthree\n"


def test_a_deleted_branch_leaves_its_versions(story):
    gone = story("branch", "story", "draft", "--delete").out
    assert gone == "story: deleted the branch draft; its versions stay\n"
    assert story("get", "story@2").out == "one\n2\nthree\n"


def test_what_a_move_of_a_label_does_is_one_sentence(story, attempt):
    assert story("label", "story@1", "live").out == "story: live points at version 1 now\n"
    assert story("label", "story@1", "live").out == "story: live stays at version 1\n"
    moved = story("label", "story@2", "live", "--reason", "Better").out
    assert moved == "story: live points at version 2 now, before at 1\n"
    shared = story("label", "story", "live", "--weight", "1=90", "--weight", "2=10").out
    assert shared == "story: live is shared out by weight: 1 (90), 2 (10)\n"
    assert story("unlabel", "story", "live").out.startswith("story: live taken away from version ")
    refused = attempt("label", "story", "live", "--weight", "1:90")
    assert (refused.code, "'--weight 1:90' is no share. Write --weight 3=90." in refused.err) == (
        2,
        True,
    )


def test_the_moves_of_labels_are_a_table_newest_first(story):
    story("label", "story@1", "live", "--reason", "First")
    story("label", "story", "live", "--weight", "1=90", "--weight", "2=10")
    story("label", "story@2", "old")
    done = story("label-history", "story", "--label", "live")
    assert [line.split("\t")[1:] for line in done.out.splitlines()] == [
        ["live", "1", "1 (90), 2 (10)", "tester", ""],
        ["live", "", "1", "tester", "First"],
    ]
    cut = story("label-history", "story", "--limit", "1")
    assert "There are more: --cursor " in cut.err
    told = story("label-history", "story", "--json").json
    assert [each["label"] for each in told["items"]] == ["old", "live", "live"]


def test_what_is_forced_is_told(story):
    story("label", "story@1", "live")
    story("create", "user", "-t", "{{> story@live}}")
    story("branch", "story", "side")
    story("create", "other", "-t", "{{> story@branch:side}}")
    for command in (
        ("unlabel", "story", "live", "--force"),
        ("branch", "story", "side", "--delete", "--force"),
    ):
        assert "which can't be used any more" in story(*command).err
