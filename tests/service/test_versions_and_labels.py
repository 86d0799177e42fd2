import pytest
import sqlalchemy as sa

from mcp_server.service.inputs import PromptInput
from mcp_server.service.readers import Reader
from mcp_server.service.terms import Terms
from storage.values.errors import Conflict, Invalid, NotFound
from tests.support.seeing import as_


@pytest.fixture
async def three(library):
    """A prompt with three versions."""
    await library.prompts.create("story", PromptInput(template="one {{a}}"))
    for text in ("two {{a}}", "three {{b}}"):
        await library.prompts.update("story", PromptInput(template=text))
    return library


async def _text(library, reference: str) -> str:
    return (await library.prompts.get(reference)).version.draft.messages[0].content.text


async def test_references_mean_versions_labels_and_the_latest(three):
    await three.labels.set("story@2", "production")
    assert [
        await _text(three, reference)
        for reference in (
            "story",
            "story@production",
            "story@latest",
            "story@1",
            "story@branch:main",
        )
    ] == ["two {{a}}", "two {{a}}", "three {{b}}", "one {{a}}", "three {{b}}"]


async def test_a_moved_label_remembers_where_it_came_from(three):
    await three.labels.set("story@1", "staging")
    move = await as_("you", three).labels.set("story@3", "staging")
    assert (move.from_version, move.to_version, move.prompt.labels) == (1, 3, {"staging": 3})
    removal = await as_("you", three).labels.remove("story", "staging")
    assert (removal.from_version, removal.to_version, removal.prompt.labels) == (3, None, {})


async def test_a_label_that_isnt_there_is_answered_with_those_that_are(three):
    await three.labels.set("story@1", "staging")
    with pytest.raises(NotFound, match="'staging'"):
        await three.labels.remove("story", "stagign")
    with pytest.raises(NotFound) as caught:
        await three.prompts.get("story@stagign")
    assert "staging" in caught.value.nearest


@pytest.mark.parametrize("label", ["latest", "12", "branch:x", "", "Prod", "a b"])
async def test_labels_that_would_be_misread_are_refused(three, label):
    with pytest.raises(Invalid):
        await three.labels.set("story@1", label)


async def test_a_version_that_isnt_there_names_the_range(three):
    with pytest.raises(NotFound, match="3"):
        await three.prompts.get("story@4")


async def test_restoring_writes_the_old_content_as_a_new_version(three):
    saved = await three.versions.restore("story@1")
    assert (saved.current.version.version, saved.new_version) == (4, True)
    assert await _text(three, "story@latest") == "one {{a}}"
    again = await three.versions.restore("story@1")
    assert (again.new_version, again.current.version.version) == (False, 4)


async def test_restoring_minds_the_expected_version(three):
    with pytest.raises(Conflict):
        await three.versions.restore("story@1", terms=Terms(expected_version=2))


async def test_a_diff_shows_texts_and_arguments(three):
    difference = (await three.versions.diff("story@2", "story@3")).difference
    assert "-two {{a}}" in difference.text
    assert "+three {{b}}" in difference.text
    assert {known.name for known in difference.arguments} == {"a", "b"}
    assert (await three.versions.diff("story@2", "story@2")).difference.identical


async def test_a_comparison_shows_what_a_merge_would_bring(three):
    await three.branches.create("story@2", branch="terse")
    await three.prompts.update("story", PromptInput(template="brief {{a}}"), branch="terse")
    view = (await three.versions.diff("story@latest", "story@branch:terse", merge=True)).merge
    assert view.base == 2
    assert "+three {{b}}" in view.ours.text
    assert "+brief {{a}}" in view.theirs.text
    assert [each.place for each in view.conflicts] == ["template"]
    assert "<<<<<<<" in view.text
    assert (await three.versions.list("story", limit=10)).items[0].version == 4


async def test_two_prompts_cannot_be_merged_only_compared(three):
    await three.prompts.create("other", PromptInput(template="x"))
    assert (await three.versions.diff("story", "other")).merge is None
    with pytest.raises(Invalid, match="two prompts"):
        await three.versions.diff("story", "other", merge=True)


async def test_versions_are_listed_newest_first(three):
    page = await three.versions.list("story", limit=2)
    assert [listed.version for listed in page.items] == [3, 2]
    rest = await three.versions.list("story", limit=2, cursor=page.next_cursor)
    assert [listed.version for listed in rest.items] == [1]
    assert rest.next_cursor is None


async def test_completion_offers_choices_then_what_was_used_before(library):
    from storage.values.entities import Argument

    arguments = [Argument("tone", type="enum", choices=("warm", "dry")), Argument("who")]
    await library.prompts.create(
        "greeting", PromptInput(template="{{tone}} {{who}}", arguments=arguments)
    )
    await library.prompts.render("greeting", {"tone": "dry", "who": "Ada"})
    await library.prompts.render("greeting", {"tone": "dry", "who": "Alan"})
    await library.core.values.flush()
    complete = library.completing
    assert (await complete.argument("greeting", "tone", "")).values == ("warm", "dry")
    assert (await complete.argument("greeting", "tone", "W")).values == ("warm",)
    assert set((await complete.argument("greeting", "who", "a")).values) == {"Ada", "Alan"}
    assert (await complete.argument("greeting", "who", "al")).values == ("Alan",)
    assert (await complete.name("gree")).values == ("greeting",)
    assert (await complete.version("greeting", "")).values == ("1",)
    assert (await complete.label("greeting", "")).values == ("latest",)


async def test_a_labels_history_tells_who_moved_it_when_and_why(three):
    await three.labels.set("story@1", "production", reason="First")
    await as_("you", three).labels.set("story", "production", {1: 90, 3: 10}, reason="Try it")
    await three.labels.set("story@2", "staging")
    await three.labels.remove("story", "production")
    page = await three.labels.list_moves("story", label="production", limit=10)
    assert [
        (each.from_version, each.to_version, each.weights, each.moved_by, each.reason)
        for each in page.items
    ] == [
        (1, None, {}, "me", None),
        (1, 1, {1: 90, 3: 10}, "you", "Try it"),
        (None, 1, {}, "me", "First"),
    ]
    first = await three.labels.list_moves("story", limit=3)
    rest = await three.labels.list_moves("story", limit=3, cursor=first.next_cursor)
    assert [each.label for each in (*first.items, *rest.items)] == [
        "production", "staging", "production", "production",
    ]  # fmt: skip
    versions = await three.versions.list("story", limit=10)
    assert [[move.label for move in each.moves] for each in versions.items] == [
        [], ["staging"], ["production"] * 3,
    ]  # fmt: skip


async def test_a_trial_gives_each_reader_one_version_and_counts_them(three):
    await three.labels.set("story", "production", {1: 50, 3: 50})
    readers = [Reader(None, f"user-{n}") for n in range(40)]
    given = [(await three.prompts.get("story", reader)).version.version for reader in readers]
    again = [(await three.prompts.get("story", reader)).version.version for reader in readers]
    assert given == again
    assert set(given) == {1, 3}
    assert (await three.prompts.get("story")).version.version == 3
    assert (await three.prompts.get("story@2", readers[0])).label is None
    assert three.core.counts.shared_reads == {
        ("story", "production", version): 2 * given.count(version) for version in (1, 3)
    }
    await three.labels.set("story@2", "production")
    assert {(await three.prompts.get("story", reader)).version.version for reader in readers} == {2}


async def test_a_label_that_stands_there_already_is_no_move(three):
    for _ in range(2):
        await three.labels.set("story@1", "production")
    assert len((await three.labels.list_moves("story", limit=9)).items) == 1


async def test_a_move_without_weights_holds_none(three, database):
    await three.labels.set("story@1", "production")
    await three.labels.set("story", "trial", {1: 50, 3: 50})
    query = sa.text("SELECT label FROM label_history WHERE weights IS NULL")
    async with database.reading() as tx:
        assert (await tx.connection.scalars(query)).all() == ["production"]


async def test_weights_of_the_same_are_no_move(three):
    for _ in range(2):
        await three.labels.set("story", "production", {1: 50, 3: 50})
    assert len((await three.labels.list_moves("story", limit=9)).items) == 1


async def test_a_trial_of_a_version_that_isnt_there_is_refused_and_nothing_moves(three):
    await three.labels.set("story@1", "production")
    with pytest.raises(NotFound, match="no version 9"):
        await three.labels.set("story", "production", {1: 1, 9: 1})
    assert (await three.prompts.get("story")).prompt.weights == {}
