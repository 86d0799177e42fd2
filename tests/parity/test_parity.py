"""The same scenario through MCP, REST and the command line: the same entity, the same failure."""

import pytest

from mcp_server.protocol.tools.table import TOOLS
from tests.parity import doors as doors_module

REVIEW = {
    "name": "review",
    "template": "Review this {{language}} code:\n{{code}}\n",
    "title": "Code review",
    "description": "Reviews code",
    "folder": "team/code",
    "tags": ["review", "python"],
    "model_type": "gpt-4",
    "commit_message": "First",
}


TWO = [{"role": "user", "content": {"type": "text", "text": each}} for each in ("1", "2")]


class Every:
    """Asks every door and hands on the one answer that they agree on."""

    def __init__(self, doors):
        self._doors = doors

    def ask(self, tool, **arguments):
        return self._agreed([door.ask(tool, **arguments) for door in self._doors])

    def each(self, tool, **arguments):
        """Return what each door answers, also where that differs."""
        return [door.ask(tool, **arguments) for door in self._doors]

    def use(self, reference, **arguments):
        return self._agreed([door.use(reference, **arguments) for door in self._doors])

    def _agreed(self, answers):
        first, *others = answers
        for door, other in zip(self._doors[1:], others, strict=True):
            assert other == first, door
        return first


@pytest.fixture
def every(doors):
    return Every(doors)


@pytest.fixture
def review(every):
    every.ask("create_prompt", **REVIEW)
    return every


def test_every_tool_has_a_command_and_a_request():
    assert doors_module._COMMANDS.keys() == doors_module._REQUESTS.keys() == TOOLS.keys()


def test_what_is_created_reads_the_same(every):
    created = every.ask("create_prompt", **REVIEW)
    assert (created["version"], created["new_version"], created["created_by"]) == (
        1,
        True,
        "tester",
    )
    read = every.ask("get_prompt", reference="review")
    assert read["template"] == REVIEW["template"]
    assert read["tags"] == REVIEW["tags"]


def test_patterns_that_take_too_long_are_named_the_same(every):
    arguments = [{"name": name, "pattern": "(?:x|x|xx|(x+x+)+)+$"} for name in "ab"]
    every.ask("create_prompt", name="slow", template="{{a}} {{b}} {{c}}", arguments=arguments)
    values = {"a": "x" * 999 + "y", "b": "x" * 998 + "y"}
    refused = every.ask("render_prompt", reference="slow", arguments=values)
    assert (refused.kind, refused.sentence) == (
        "invalid",
        "The prompt can't be rendered: 'a' takes too long to be compared with "
        "'(?:x|x|xx|(x+x+)+)+$'; simplify the pattern; 'b' wasn't compared with "
        "'(?:x|x|xx|(x+x+)+)+$': the 250 ms of a request for all its patterns were over; 'c' is "
        "missing.",
    )


def test_a_verbatim_prompt_reads_the_same(every):
    every.ask("create_prompt", name="page", template="{{x}}", template_format="text")
    assert every.ask("render_prompt", reference="page")["messages"][0]["content"]["text"] == "{{x}}"


def test_an_update_writes_the_same_version(review):
    updated = review.ask("update_prompt", name="review", template="Just {{code}}", tags=["x"])
    assert (updated["version"], updated["tags"]) == (2, ["x"])
    again = review.ask("update_prompt", name="review", template="Just {{code}}")
    assert (again["new_version"], again["changed"]) == (False, False)
    titled = review.ask("update_prompt", name="review", title="Another", expected_version=2)
    assert (titled["new_version"], titled["changed"], titled["title"]) == (False, True, "Another")


def test_what_is_taken_away_is_gone_the_same(review):
    updated = review.ask("update_prompt", name="review", title="", folder="", model_type="")
    assert updated["folder"] == ""
    assert {"title", "model_type"}.isdisjoint(updated.entity)


def test_a_reference_means_the_same_version(review):
    review.ask("update_prompt", name="review", template="two")
    review.ask("set_label", reference="review@1", label="staging")
    for reference, version in (
        ("review", 2), ("review@1", 1), ("review@staging", 1), ("review@latest", 2),
        ("review@branch:main", 2),
    ):  # fmt: skip
        assert review.ask("get_prompt", reference=reference)["version"] == version


def test_rendering_makes_the_same_messages(review):
    arguments = {"language": "C", "code": "{{x}} \\ 'é' = 1"}
    rendered = review.ask("render_prompt", reference="review", arguments=arguments)
    text = "Review this C code:\n{{x}} \\ 'é' = 1\n"
    assert rendered["messages"] == [{"role": "user", "content": {"type": "text", "text": text}}]
    assert review.use("review", **arguments) == text


@pytest.mark.parametrize(
    ("tool", "arguments", "kind", "words"),
    [
        ("create_prompt", {"name": "review", "template": "x"}, "conflict", "already exists"),
        ("create_prompt", {"name": "My Prompt", "template": "x"}, "invalid", "'my-prompt'"),
        ("create_prompt", {"name": "x", "template": " "}, "invalid", "empty"),
        ("create_prompt", {"name": "x", "template": "x", "folder": "A B"}, "invalid", "folder"),
        ("create_prompt", {"name": "x", "template": "x", "tags": ["a\nb"]}, "invalid", "tag"),
        ("create_prompt", {"name": "x", "template": "x", "template_format": "y"}, "invalid", "y"),
        (
            "update_prompt",
            {"name": "review", "template": "x", "expected_version": 7},
            "conflict",
            "at version 1",
        ),
        ("update_prompt", {"name": "reviw", "template": "x"}, "not_found", "'review'"),
        ("update_prompt", {"name": "review@1", "template": "x"}, "invalid", "'review'"),
        ("get_prompt", {"reference": "reviw"}, "not_found", "'review'"),
        ("get_prompt", {"reference": "review@2"}, "not_found", "only version 1"),
        ("get_prompt", {"reference": "review@staging"}, "not_found", "no label"),
        ("get_prompt", {"reference": "review@branch:x"}, "not_found", "no branch"),
        ("get_prompt", {"reference": "Review This"}, "invalid", "'review-this'"),
        ("render_prompt", {"reference": "review"}, "invalid", "'language'"),
        (
            "render_prompt",
            {"reference": "review", "arguments": {"code": "x", "langage": "C"}},
            "invalid",
            "'langage'",
        ),
        ("list_versions", {"name": "nothing-like-it"}, "not_found", "nothing-like-it"),
        ("list_versions", {"name": "review", "cursor": "x"}, "invalid", "cursor"),
        ("diff_versions", {"old": "review@1", "new": "review@2"}, "not_found", "version 2"),
        ("restore_version", {"reference": "review@2"}, "not_found", "version 2"),
        (
            "restore_version",
            {"reference": "review@1", "expected_version": 3},
            "conflict",
            "at version 1",
        ),
        ("set_label", {"reference": "review", "label": "latest"}, "invalid", "'latest'"),
        ("set_label", {"reference": "review", "label": "7"}, "invalid", "'7'"),
        ("set_label", {"reference": "review@3", "label": "x"}, "not_found", "version 3"),
        (
            "set_label",
            {"reference": "review", "label": "production", "remove": True},
            "not_found",
            "production",
        ),
        ("update_prompt", {"name": "review", "template": "x", "branch": "x"}, "not_found", "'x'"),
        ("update_prompt", {"name": "review", "template": "x", "branch": "X"}, "invalid", "'X'"),
        ("list_versions", {"name": "review", "branch": "x"}, "not_found", "no branch 'x'"),
        ("create_branch", {"reference": "review", "branch": "main"}, "conflict", "already"),
        ("create_branch", {"reference": "review", "branch": "a b"}, "invalid", "'a-b'"),
        ("create_branch", {"reference": "review@7", "branch": "x"}, "not_found", "version 7"),
        (
            "create_branch",
            {"reference": "review", "branch": "main", "delete": True},
            "invalid",
            "can't be deleted",
        ),
        (
            "create_branch",
            {"reference": "review", "branch": "x", "delete": True},
            "not_found",
            "no branch 'x'",
        ),
        ("merge_branch", {"name": "review", "branch": "x"}, "not_found", "no branch 'x'"),
        ("merge_branch", {"name": "review", "branch": "main"}, "invalid", "into itself"),
        ("archive_prompt", {"name": "reviw"}, "not_found", "'review'"),
        ("search_prompts", {"cursor": "x"}, "invalid", "cursor"),
        ("search_prompts", {"folder": "Team A"}, "invalid", "'team-a'"),
    ],
)
def test_a_failure_is_of_the_same_kind_in_the_same_words(review, tool, arguments, kind, words):
    failed = review.ask(tool, **arguments)
    assert failed.kind == kind
    assert words in failed.sentence


def test_a_label_moves_the_same_and_changes_what_is_served(review):
    review.ask("update_prompt", name="review", template="two")
    moved = review.ask("set_label", reference="review@1", label="production")
    assert (moved["to_version"], moved["served_version"]) == (1, 1)
    assert review.use("review", language="C", code="x").startswith("Review this C")
    moved = review.ask("set_label", reference="review@latest", label="production")
    assert (moved["from_version"], moved["to_version"]) == (1, 2)
    assert review.use("review") == "two"
    removed = review.ask("set_label", reference="review", label="production", remove=True)
    assert removed["labels"] == {}


def test_a_search_finds_the_same_in_the_same_order(review):
    review.ask("create_prompt", name="poem", template="Write a poem on code", tags=["python"])
    found = review.ask("search_prompts", query="code")
    assert [hit["name"] for hit in found["items"]] == ["review", "poem"]
    for filters, names in (
        ({"tags": ["python", "review"]}, ["review"]),
        ({"folder": "team"}, ["review"]),
        ({"model_type": "gpt-4"}, ["review"]),
        ({"label": "production"}, []),
        ({"min_version": 2}, []),
        ({"query": "reveiw"}, ["review"]),
    ):
        found = review.ask("search_prompts", **filters)
        assert [hit["name"] for hit in found["items"]] == names


def test_pages_of_a_search_follow_each_other_the_same(review):
    review.ask("create_prompt", name="poem", template="x")
    first = review.ask("search_prompts", limit=1)
    second = review.ask("search_prompts", limit=1, cursor=first["next_cursor"])
    names = [hit["name"] for page in (first, second) for hit in page["items"]]
    assert names == ["poem", "review"]
    assert "next_cursor" not in second.entity


def test_an_archived_prompt_is_gone_and_comes_back_the_same(review):
    assert review.ask("archive_prompt", name="review")["archived"] is True
    assert review.ask("search_prompts")["items"] == []
    assert "archived" in review.ask("get_prompt", reference="review").sentence
    assert review.ask("create_prompt", name="review", template="x").kind == "conflict"
    assert review.ask("archive_prompt", name="review", restore=True)["archived"] is False
    assert review.ask("get_prompt", reference="review")["version"] == 1


def test_the_history_reads_the_same(review):
    review.ask("update_prompt", name="review", template="two {{code}}", commit_message="Shorter")
    review.ask("set_label", reference="review@1", label="production")
    listed = review.ask("list_versions", name="review")
    assert [(each["version"], each["labels"]) for each in listed["items"]] == [
        (2, []),
        (1, ["production"]),
    ]
    difference = review.ask("diff_versions", old="review@1", new="review@2")
    assert "+two {{code}}" in difference["text"]
    assert [each["name"] for each in difference["arguments"]] == ["language"]


def test_a_comparison_by_words_and_for_a_merge_reads_the_same(review):
    review.ask("create_branch", reference="review@1", branch="terse")
    review.ask("update_prompt", name="review", template="Look at {{code}}", branch="terse")
    review.ask("update_prompt", name="review", template="Read {{code}}")
    told = review.ask(
        "diff_versions", old="review@3", new="review@branch:terse", words=True, merge=True
    )
    kinds = [each["kind"] for each in told["messages"][0]["words"]]
    assert kinds == ["removed", "added", "equal"]
    assert told["merge"]["base"] == 1
    assert [each["place"] for each in told["merge"]["conflicts"]] == ["template"]


def test_a_restored_version_is_the_same_new_version(review):
    review.ask("update_prompt", name="review", template="two")
    restored = review.ask("restore_version", reference="review@1", expected_version=2)
    assert (restored["version"], restored["template"]) == (3, REVIEW["template"])
    assert restored["commit_message"] == "Restore version 1"
    again = review.ask("restore_version", reference="review@1", commit_message="Once more")
    assert again["new_version"] is False


@pytest.mark.parametrize(
    ("tool", "change", "includer"),
    [
        ("set_label", {"reference": "base", "label": "live", "remove": True}, "labelled"),
        ("set_label", {"reference": "base@2", "label": "live"}, "labelled"),
        ("create_branch", {"reference": "base", "branch": "terse", "delete": True}, "branched"),
        ("update_prompt", {"name": "base", "messages": TWO}, "bare"),
        ("restore_version", {"reference": "base@2"}, "bare"),
        ("merge_branch", {"name": "base", "branch": "odd"}, "bare"),
    ],
)
def test_who_includes_a_prompt_is_broken_only_by_force_and_then_named(
    every, tool, change, includer
):
    every.ask("create_prompt", name="base", template="One")
    for branch in ("odd", "terse"):
        every.ask("create_branch", reference="base", branch=branch)
    every.ask("update_prompt", name="base", messages=TWO, branch="odd")
    every.ask("set_label", reference="base@1", label="live")
    for name, point in [("bare", ""), ("labelled", "@live"), ("branched", "@branch:terse")]:
        every.ask("create_prompt", name=name, template=f"{{{{> base{point}}}}}")
    refused = every.ask(tool, **change)
    assert (refused.kind, f"included by '{includer}', which" in refused.sentence) == (
        "conflict", True,
    )  # fmt: skip
    assert every.use(includer) == "One"
    (warning,) = every.ask(tool, **change, force=True)["warnings"]
    assert f"included by '{includer}', which can't be used any more" in warning


def test_an_included_text_is_served_counted_and_kept_from_the_archive_the_same(review):
    review.ask("create_prompt", name="tone", template="Be {{how}}.")
    made = review.ask("create_prompt", name="kind-review", template="{{> review@1}} {{> tone}}")
    assert made["includes"] == [
        {"reference": "review@1", "version": 1},
        {"reference": "tone", "version": 1},
    ]
    told = [each["name"] for each in made["arguments"]]
    assert sorted(told) == ["code", "how", "language"]
    text = review.use("kind-review", language="C", code="x", how="kind")
    assert text.startswith("Review this C")
    assert text.endswith("Be kind.")
    used_by = review.ask("search_prompts", includes="tone")["items"]
    assert [each["name"] for each in used_by] == ["kind-review"]
    assert review.ask("archive_prompt", name="tone").kind == "conflict"
    assert review.ask("archive_prompt", name="tone", force=True)["archived"] is True
    broken = review.ask("get_prompt", reference="kind-review")
    assert "'tone' is archived" in broken["problem"]
    refused = review.ask("create_prompt", name="other", template="{{> nothing-like-it}}")
    assert refused.kind == "invalid"


def test_a_renamed_prompt_answers_to_both_names_the_same(review):
    renamed = review.ask("update_prompt", name="review", new_name="look")
    assert (renamed["name"], renamed["new_version"]) == ("look", False)
    assert review.ask("get_prompt", reference="review@1")["name"] == "look"
    assert review.ask("create_prompt", name="review", template="x").kind == "conflict"


def test_a_copy_is_the_same(review):
    review.ask("update_prompt", name="review", template="two")
    one = review.ask("create_prompt", name="one", copy_of="review@1", title="One")
    assert (one["version"], one["title"], one["template"]) == (1, "One", REVIEW["template"])
    whole = review.ask("create_prompt", name="whole", copy_of="review", with_history=True)
    assert (whole["version"], whole["template"]) == (2, "two")
    refused = review.ask(
        "create_prompt", name="x", copy_of="review", with_history=True, template="y"
    )
    assert refused.kind == "invalid"


def test_a_branch_begins_is_written_and_moves_main_ahead_the_same(review):
    began = review.ask("create_branch", reference="review@latest", branch="terse")
    assert (began["head"], began["branches"]) == (1, {"main": 1, "terse": 1})
    wrote = review.ask("update_prompt", name="review", template="two", branch="terse")
    assert (wrote["version"], wrote["branch"], wrote["latest_version"]) == (2, "terse", 1)
    assert review.use("review", language="C", code="x").startswith("Review this C")
    assert review.use("review@branch:terse") == "two"
    merged = review.ask("merge_branch", name="review", branch="terse", delete_branch=True)
    assert (merged["outcome"], merged["version"]) == ("fast_forward", 2)
    assert merged["branches"] == {"main": 2}
    assert review.use("review") == "two"


def _two_sides(door):
    text = REVIEW["template"]
    door.ask("create_branch", reference="review@1", branch="terse")
    door.ask("update_prompt", name="review", template=f"{text}\nBe brief.", branch="terse")


def test_a_merge_puts_both_sides_together_the_same(review):
    _two_sides(review)
    text = REVIEW["template"]
    review.ask("update_prompt", name="review", template=f"Hello.\n{text}")
    merged = review.ask(
        "merge_branch", name="review", branch="terse", expected_version=3, commit_message="Both"
    )
    assert (merged["outcome"], merged["version"], merged["base_version"]) == ("merged", 4, 1)
    assert merged["template"] == f"Hello.\n{text}\nBe brief."
    newest = review.ask("list_versions", name="review", branch="main")["items"][0]
    assert (newest["parent"], newest["merged_from"], newest["commit_message"]) == (3, 2, "Both")
    again = review.ask("merge_branch", name="review", branch="terse")
    assert (again["outcome"], again["version"]) == ("already_merged", 4)


def test_a_conflict_writes_nothing_until_it_is_decided_the_same(review):
    _two_sides(review)
    review.ask("update_prompt", name="review", template=f"{REVIEW['template']}\nTake your time.")
    failed = review.ask("merge_branch", name="review", branch="terse")
    assert failed.kind == "conflict"
    assert "resolution that gives 'template'" in failed.sentence
    assert review.ask("get_prompt", reference="review@latest")["version"] == 3
    decided = {"template": "Be brief, {{language}}, {{code}}"}
    merged = review.ask("merge_branch", name="review", branch="terse", resolution=decided)
    assert (merged["version"], merged["template"]) == (4, decided["template"])


def test_an_old_version_is_restored_on_a_branch_the_same(review):
    review.ask("update_prompt", name="review", template="two")
    review.ask("create_branch", reference="review@2", branch="old")
    restored = review.ask("restore_version", reference="review@1", branch="old", expected_version=2)
    assert (restored["version"], restored["branch"], restored["latest_version"]) == (3, "old", 2)
    listed = review.ask("list_versions", name="review", branch="main")["items"]
    assert [each["version"] for each in listed] == [2, 1]
    review.ask("create_branch", reference="review", branch="old", delete=True)
    assert review.ask("get_prompt", reference="review@branch:old").kind == "not_found"
    assert review.ask("get_prompt", reference="review@3")["template"] == REVIEW["template"]


def test_a_label_that_is_shared_out_gives_a_reader_the_same_version(review):
    review.ask("update_prompt", name="review", template="two")
    weights = {"1": 50, "2": 50}
    shared = review.ask(
        "set_label", reference="review", label="production", weights=weights, reason="A trial"
    )
    assert (shared["weights"], shared["to_version"], shared["served_version"]) == (weights, 2, 2)
    keys = [f"user-{n}" for n in range(12)]
    # Which one differs from library to library, that it stays the same doesn't.
    for answers in (review.each("get_prompt", reference="review", key=key) for key in keys):
        assert {answer["version"] for answer in answers} <= {1, 2}
    assert review.ask("get_prompt", reference="review@1")["weights"] == {"production": weights}
    listed = review.ask("list_versions", name="review")["items"]
    assert [
        (each["label"], each["weights"], each["reason"]) for each in listed[0]["label_moves"]
    ] == [("production", weights, "A trial")]
    ended = review.ask("set_label", reference="review@1", label="production")
    assert "weights" not in ended.entity
    assert review.ask("get_prompt", reference="review", key="user-3")["version"] == 1


def test_weights_that_cant_be_used_are_refused_the_same(review):
    for weights, kind, words in (
        ({"1": 1}, "invalid", "at least two"),
        ({"1": 1, "9": 1}, "not_found", "version 9"),
    ):
        failed = review.ask("set_label", reference="review", label="x", weights=weights)
        assert failed.kind == kind
        assert words in failed.sentence


def test_a_model_is_served_its_variant_the_same(review):
    said = [{"role": "user", "content": {"type": "text", "text": "Claude, {{code}}"}}]
    review.ask("update_prompt", name="review", variants={"claude-*": said})
    read = review.ask("get_prompt", reference="review", model_type="claude-sonnet-4")
    assert (read["template"], read["variant"]) == ("Claude, {{code}}", "claude-*")
    rendered = review.ask(
        "render_prompt", reference="review", arguments={"code": "x"}, model_type="claude-sonnet-4"
    )
    assert rendered["messages"][0]["content"]["text"] == "Claude, x"
    assert rendered["variant"] == "claude-*"
    for model_type, names in (("claude-opus-4", ["review"]), ("gpt-5", []), ("gpt-4", ["review"])):
        found = review.ask("search_prompts", model_type=model_type)
        assert [hit["name"] for hit in found["items"]] == names
    assert review.ask("search_prompts", query="claude")["items"][0]["name"] == "review"


LIQUID = {
    "name": "greeting",
    "template": "{% if who %}Hello {{ who | upcase }}{% render 'mark', times: 2 %}{% endif %}",
    "template_format": "liquid",
    "arguments": [{"name": "who", "required": False}],
}


def test_liquid_is_written_read_and_filled_the_same(every):
    every.ask("create_prompt", name="mark", template="!{{times}}{{more}}")
    created = every.ask("create_prompt", **LIQUID)
    assert [each["name"] for each in created["arguments"]] == ["more", "who"]
    assert [each["reference"] for each in created["includes"]] == ["mark"]
    assert every.use("greeting", who="Ada", more="?") == "Hello ADA!2?"
    assert every.use("greeting", more="?") == ""


def test_what_is_no_liquid_is_refused_the_same(every):
    refused = every.ask("create_prompt", **{**LIQUID, "template": "a\n{{ who | shout }}"})
    assert refused.kind == "invalid"
    assert "uses the filter 'shout', which there isn't" in refused.sentence
    assert "line 2, column 10" in refused.sentence


def test_a_liquid_circle_is_refused_the_same(every):
    every.ask("create_prompt", name="mark", template="!", template_format="liquid")
    every.ask("create_prompt", **LIQUID)
    circle = {"name": "mark", "template": "{% render 'greeting' %}"}
    refused = every.ask("update_prompt", **circle)
    assert refused.kind == "conflict"
    assert "include each other in a circle" in refused.sentence


def test_a_template_that_computes_for_ever_is_refused_the_same(every):
    loops = "{% for a in (1..2000) %}{% for b in (1..2000) %}{% endfor %}{% endfor %}"
    every.ask("create_prompt", name="slow", template=loops, template_format="liquid")
    for refused in every.each("render_prompt", reference="slow", arguments={}):
        assert refused.kind == "invalid"
        assert "The template can't be rendered" in refused.sentence
