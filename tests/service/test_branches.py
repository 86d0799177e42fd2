import asyncio

import pytest

from mcp_server.service.branches import MAX_BRANCHES
from mcp_server.service.inputs import PromptInput
from mcp_server.service.results import state_of
from mcp_server.service.terms import Terms
from storage.values.entities import Argument
from storage.values.errors import Conflict, Invalid, NotFound
from tests.support.processes import SECONDS
from tests.support.seeing import as_

BASE = "one\ntwo {{a}}\nthree\n"


@pytest.fixture
async def story(library):
    """A prompt with a branch beside main, both at version 1."""
    await library.prompts.create("story", PromptInput(template=BASE))
    await library.branches.create("story@1", "draft")
    return library


async def _write(library, text: str, branch: str = "main", **fields):
    written = PromptInput(template=text, **fields)
    return await library.prompts.update("story", written, branch=branch)


async def _text(library, reference: str) -> str:
    return (await library.prompts.get(reference)).version.draft.messages[0].content.text


async def _lines(library, branch: str) -> list[int]:
    page = await library.versions.list("story", branch=branch, limit=50)
    return [version.version for version in page.items]


async def test_a_branch_grows_beside_main(story):
    await _write(story, "other", "draft")
    assert await _text(story, "story@branch:draft") == "other"
    assert await _text(story, "story") == BASE
    assert await _lines(story, "main") == [1]
    assert await _lines(story, "draft") == [2, 1]


async def test_versions_are_numbered_over_all_branches(story):
    for branch in ("draft", "main", "draft"):
        saved = await _write(story, f"{branch} {branch}", branch)
    assert saved.new_version is False
    page = await story.versions.list("story", limit=10)
    assert [(each.version, each.branch, each.parent) for each in page.items] == [
        (3, "main", 1),
        (2, "draft", 1),
        (1, "main", None),
    ]


async def test_what_is_expected_is_the_head_of_the_branch(story):
    await _write(story, "other", "draft")
    with pytest.raises(Conflict, match="version 2 on the branch 'draft'") as refusal:
        await story.prompts.update(
            "story", PromptInput(template="x"), branch="draft", terms=Terms(expected_version=1)
        )
    assert refusal.value.current_version == 2
    saved = await story.prompts.update(
        "story", PromptInput(template="x"), branch="draft", terms=Terms(expected_version=2)
    )
    assert saved.current.version.version == 3


async def test_a_state_that_was_read_on_main_doesnt_allow_a_write_on_a_branch(story):
    await _write(story, "other", "draft")
    seen = await story.prompts.get("story")
    with pytest.raises(Conflict, match="story@branch:draft"):
        await story.prompts.update(
            "story",
            PromptInput(template="x"),
            branch="draft",
            terms=Terms(expected_states={state_of(seen.prompt, 1)}),
        )


async def test_branches_are_compared_with_main(story):
    await _write(story, "a", "draft")
    await _write(story, "b", "draft")
    await _write(story, "c")
    standings = {each.branch.branch: each for each in await story.branches.list("story")}
    assert (standings["draft"].ahead, standings["draft"].behind) == (2, 1)
    assert (standings["main"].ahead, standings["main"].behind) == (0, 0)
    assert standings["draft"].branch.created_by == "me"


async def test_a_merge_into_an_untouched_branch_moves_it_and_writes_nothing(story):
    await _write(story, "other", "draft")
    merged = await story.branches.merge("story", "draft")
    assert (merged.outcome, merged.current.version.version) == ("fast_forward", 2)
    assert (await story.prompts.get("story")).prompt.last_version == 2
    assert await _text(story, "story") == "other"
    assert await _lines(story, "main") == [2, 1]


async def test_a_merge_puts_both_sides_changes_together(story):
    await _write(story, BASE.replace("one", "ONE"), "draft", model_config={"t": 1})
    await _write(story, BASE.replace("three", "THREE {{b}}"), model_type="gpt-4")
    merged = await as_("you", story).branches.merge(
        "story", "draft", terms=Terms(commit_message="Both")
    )
    version = merged.current.version
    assert version.draft.messages[0].content.text == "ONE\ntwo {{a}}\nTHREE {{b}}\n"
    assert version.draft.model_config == {"t": 1}
    assert version.draft.model_type == "gpt-4"
    assert [each.name for each in version.draft.arguments] == ["a", "b"]
    assert (version.version, version.branch) == (4, "main")
    assert (version.parent, version.merged_from, merged.base) == (3, 2, 1)
    assert (version.created_by, version.commit_message) == ("you", "Both")


async def test_after_a_merge_both_sides_go_on_from_there(story):
    await _write(story, BASE + "draft\n", "draft")
    await _write(story, "main\n" + BASE)
    await story.branches.merge("story", "draft")
    await _write(story, BASE + "draft, again\n", "draft")
    merged = await story.branches.merge("story", "draft")
    assert merged.base == 2
    assert await _text(story, "story") == "main\n" + BASE + "draft, again\n"
    assert await _lines(story, "main") == [6, 5, 4, 3, 2, 1]


async def test_a_merge_of_what_is_there_changes_nothing(story):
    merged = await story.branches.merge("story", "draft")
    assert (merged.outcome, merged.current.version.version) == ("already_merged", 1)
    with pytest.raises(Conflict, match="nothing to resolve"):
        await story.branches.merge("story", "draft", resolution=PromptInput(template="lost?"))


async def test_a_conflict_tells_each_place_and_writes_nothing(story):
    await _write(story, BASE.replace("two", "2"), "draft", model_config={"t": 1})
    await _write(story, BASE.replace("two", "II"), model_config={"t": 2})
    with pytest.raises(Conflict, match="changed 2 places differently") as refusal:
        await story.branches.merge("story", "draft")
    assert refusal.value.data["current_version"] == 3
    assert refusal.value.data["conflicts"] == [
        {
            "place": "template",
            "line": 2,
            "base": "two {{a}}",
            "ours": "II {{a}}",
            "theirs": "2 {{a}}",
        },
        {"place": "model_config.t", "line": None, "base": None, "ours": 2, "theirs": 1},
    ]
    assert "<<<<<<< main (version 3)\nII {{a}}\n" in refusal.value.account
    assert (await story.prompts.get("story")).prompt.last_version == 3


async def test_of_many_conflicts_the_first_are_told_and_the_others_counted(story):
    ours, theirs = ({f"k{n:02}": side for n in range(64)} for side in ("a", "b"))
    await _write(story, BASE, "draft", model_config=theirs)
    await _write(story, BASE, model_config=ours)
    with pytest.raises(Conflict, match=r"changed 64 places.* 14 more aren't shown") as refusal:
        await story.branches.merge("story", "draft")
    told = [each["place"] for each in refusal.value.data["conflicts"]]
    assert told == [f"model_config.k{n:02}" for n in range(50)]


async def test_a_resolution_decides_its_fields_and_the_rest_is_merged(story):
    await _write(story, BASE.replace("two", "2"), "draft", model_config={"t": 1})
    await _write(story, BASE.replace("two", "II"), model_type="gpt-4")
    resolution = PromptInput(template="two and {{a}}")
    merged = await story.branches.merge("story", "draft", resolution=resolution)
    draft = merged.current.version.draft
    assert draft.messages[0].content.text == "two and {{a}}"
    assert (draft.model_config, draft.model_type) == ({"t": 1}, "gpt-4")


async def test_a_resolution_of_one_place_leaves_the_others_open(story):
    await _write(story, BASE.replace("two", "2"), "draft", model_config={"t": 1})
    await _write(story, BASE.replace("two", "II"), model_config={"t": 2})
    with pytest.raises(Conflict, match=r"changed 1 place differently.*'model_config'"):
        await story.branches.merge("story", "draft", resolution=PromptInput(template="x {{a}}"))


async def test_a_resolution_is_written_where_the_merge_would_only_move(story):
    await _write(story, "other", "draft")
    merged = await story.branches.merge("story", "draft", resolution=PromptInput(template="better"))
    assert (merged.outcome, merged.current.version.parent) == ("merged", 1)
    assert await _text(story, "story") == "better"


async def test_a_merge_that_isnt_expected_is_refused(story):
    await _write(story, "other", "draft")
    await _write(story, BASE + "more")
    with pytest.raises(Conflict, match="at version 3, not at version 1"):
        await story.branches.merge("story", "draft", terms=Terms(expected_version=1))


async def test_a_merge_goes_into_any_branch(story):
    await _write(story, BASE + "main\n")
    merged = await story.branches.merge("story", "main", into="draft")
    assert merged.outcome == "fast_forward"
    assert merged.current.prompt.branches == {"main": 2, "draft": 2}


async def test_a_deleted_branch_leaves_its_versions(story):
    await _write(story, "other", "draft")
    deleted = await story.branches.delete("story", "draft")
    assert deleted.prompt.branches == {"main": 1}
    assert await _text(story, "story@2") == "other"
    with pytest.raises(NotFound, match="no branch 'draft'"):
        await _write(story, "x", "draft")
    with pytest.raises(NotFound, match="no branch 'draft'"):
        await _lines(story, "draft")


async def test_a_merged_branch_can_go_at_once(story):
    await _write(story, "other", "draft")
    merged = await story.branches.merge("story", "draft", delete_branch=True)
    assert (merged.branch_deleted, merged.current.prompt.branches) == (True, {"main": 2})
    with pytest.raises(Invalid, match="can't be deleted"):
        await story.branches.merge("story", "main", into="x", delete_branch=True)


async def test_a_name_that_is_taken_is_refused_also_at_once(library):
    await library.prompts.create("story", PromptInput(template="x"))
    outcomes = await asyncio.gather(
        *(as_(f"{n}", library).branches.create("story", "draft") for n in range(5)),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in outcomes) == ["BranchChange"] + ["Conflict"] * 4


async def test_a_prompt_has_only_so_many_branches(library):
    await library.prompts.create("story", PromptInput(template="x"))
    for number in range(MAX_BRANCHES - 1):
        await library.branches.create("story", f"b{number}")
    with pytest.raises(Invalid, match=f"at most {MAX_BRANCHES}"):
        await library.branches.create("story", "one-more")


async def test_writers_on_two_branches_at_once_leave_no_gap(story):
    await asyncio.gather(*(_write(story, f"text {n}", ("main", "draft")[n % 2]) for n in range(20)))
    page = await story.versions.list("story", limit=50)
    assert [each.version for each in page.items] == list(range(21, 0, -1))
    prompt = (await story.prompts.get("story")).prompt
    for branch, head in prompt.branches.items():
        assert max(each.version for each in page.items if each.branch == branch) == head


async def test_pages_of_a_branch_follow_each_other_while_it_grows(story):
    for number in range(4):
        await _write(story, f"{number}", "draft")
    first = await story.versions.list("story", branch="draft", limit=2)
    await _write(story, "meanwhile", "draft")
    second = await story.versions.list("story", branch="draft", limit=9, cursor=first.next_cursor)
    assert [each.version for each in (*first.items, *second.items)] == [5, 4, 3, 2, 1]


async def test_an_argument_that_one_side_still_uses_keeps_its_declaration(story):
    declared = [Argument("a", description="What happens")]
    await _write(story, BASE, arguments=declared)
    await story.branches.merge("story", "main", into="draft")
    await _write(story, BASE + "And {{a}} again.", "draft")
    await _write(story, BASE.replace("two {{a}}", "two"))
    merged = await story.branches.merge("story", "draft")
    assert (
        merged.current.version.draft.messages[0].content.text == "one\ntwo\nthree\nAnd {{a}} again."
    )
    assert merged.current.version.draft.arguments == (Argument("a", description="What happens"),)


async def test_a_branch_that_moves_is_seen_by_those_who_remember(hearing_library, library):
    await library.prompts.create("story", PromptInput(template=BASE))
    await hearing_library.prompts.get("story")
    await library.branches.create("story", "draft")
    await _until_has(hearing_library, {"main": 1, "draft": 1})
    await library.branches.delete("story", "draft")
    await _until_has(hearing_library, {"main": 1})


async def _until_has(library, branches):
    async with asyncio.timeout(SECONDS):
        while (await library.prompts.get("story")).prompt.branches != branches:
            await asyncio.sleep(0.01)


async def test_a_branch_has_the_versions_that_it_was_made_from_and_no_other(story):
    await _write(story, "two {{a}}")
    await _write(story, "three {{a}}", "draft")
    await _write(story, "four {{a}}")
    await _write(story, "five {{a}}", "draft")
    assert await _lines(story, "draft") == [5, 3, 1]
    assert await _lines(story, "main") == [4, 2, 1]


async def test_of_long_conflicts_no_more_is_told_than_an_answer_holds(story):
    ours, theirs = ({f"k{n}": side * 15_000 for n in range(4)} for side in ("a", "b"))
    await _write(story, BASE, "draft", model_config=theirs)
    await _write(story, BASE, model_config=ours)
    with pytest.raises(Conflict, match=r"changed 4 places.* 3 more aren't shown") as refusal:
        await story.branches.merge("story", "draft")
    (told,) = refusal.value.data["conflicts"]
    assert (told["place"], len(told["ours"])) == ("model_config.k0", 15_000)
