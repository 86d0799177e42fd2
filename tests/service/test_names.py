import pytest

from mcp_server.service.inputs import PromptInput
from storage.values.entities import PromptFilter
from storage.values.errors import Conflict, Invalid, NotFound
from tests.support.seeing import as_, seen


@pytest.fixture(params=[False, True], ids=["from the database", "from memory"])
def library(request, database):
    """A library that has the database to itself, reading from there or from memory."""
    return seen(database, is_hearing=lambda: request.param)


@pytest.fixture
async def story(library):
    """A prompt with three versions, a branch, a label and weights."""
    await as_("ann", library).prompts.create("story", PromptInput(template="one", title="Story"))
    await as_("bob", library).prompts.update("story", PromptInput(template="two"))
    await as_("ann", library).branches.create("story", branch="terse")
    await as_("ann", library).prompts.update("story", PromptInput(template="2"), branch="terse")
    await as_("ann", library).labels.set("story@1", "production")
    await as_("ann", library).labels.set("story", "trial", {1: 1, 2: 3})
    return library


async def _rename(library, name, new_name):
    return await library.prompts.update(name, PromptInput(), new_name=new_name)


async def _text(library, reference):
    return (await library.prompts.get(reference)).version.draft.messages[0].content.text


async def _names(library):
    return [each.name for each in (await library.prompts.list(PromptFilter(), limit=9)).items]


async def test_a_former_name_leads_to_the_renamed_prompt(story):
    assert await _text(story, "story") == "one"
    saved = await _rename(story, "story", "tale")
    assert (saved.current.prompt.name, saved.new_version, saved.changed) == ("tale", False, True)
    for name in ("story", "tale"):
        found = await story.prompts.get(f"{name}@latest")
        assert (found.prompt.name, found.version.version) == ("tale", 2)
    await story.prompts.update("story", PromptInput(template="three"))
    assert await _text(story, "tale@latest") == await _text(story, "story@latest") == "three"
    assert await _names(story) == ["tale"]


async def test_every_former_name_leads_there_and_a_prompt_gets_its_name_back(story):
    await _rename(story, "story", "tale")
    assert await _text(story, "story") == "one"
    await _rename(story, "story", "saga")
    assert {await _text(story, name) for name in ("story", "tale", "saga")} == {"one"}
    await _rename(story, "saga", "story")
    assert (await story.prompts.get("tale")).prompt.name == "story"
    assert (await story.prompts.get("story")).prompt.name == "story"


async def test_a_former_name_stays_taken(story):
    await _rename(story, "story", "tale")
    with pytest.raises(Conflict, match="'story' leads to a prompt that was called so"):
        await story.prompts.create("story", PromptInput(template="x"))
    await story.prompts.create("other", PromptInput(template="x"))
    with pytest.raises(Conflict, match="'story' leads"):
        await _rename(story, "other", "story")
    with pytest.raises(Conflict, match="'tale' already exists"):
        await _rename(story, "other", "tale")
    assert await _text(story, "other") == "x"


async def test_a_name_that_cannot_be_one_is_refused(story):
    with pytest.raises(Invalid, match="new-tale"):
        await _rename(story, "story", "New Tale")


async def test_includes_follow_a_renamed_prompt(story):
    await story.prompts.create("book", PromptInput(template="A {{> story@2}}."))
    await _rename(story, "story", "tale")
    rendered = await story.prompts.render("book", {})
    assert rendered.messages[0].content.text == "A two."
    found = await story.search.find("", PromptFilter(includes="story"), limit=9)
    assert [hit.prompt.name for hit in found.items] == ["book"]


async def test_a_copy_begins_with_one_text(story):
    saved = await story.prompts.create("tale", PromptInput(description="A copy"), copy_of="story@2")
    prompt, version = saved.current.prompt, saved.current.version
    assert (version.version, await _text(story, "tale"), version.created_by) == (1, "two", "me")
    assert (prompt.title, prompt.description, prompt.labels) == ("Story", "A copy", {})
    assert version.commit_message == "Copy of story@2"
    changed = await story.prompts.create("saga", PromptInput(template="new"), copy_of="story")
    assert changed.current.version.draft.messages[0].content.text == "new"


async def test_a_copy_with_its_history_has_everything(story):
    saved = await story.prompts.create(
        "tale", PromptInput(folder="copies"), copy_of="story", with_history=True
    )
    old, new = (await story.prompts.get("story")).prompt, saved.current.prompt
    assert (new.labels, new.branches, new.weights) == (old.labels, old.branches, old.weights)
    assert (new.last_version, new.folder, new.title) == (3, "copies", "Story")
    for number in (1, 2, 3):
        before = (await story.prompts.get(f"story@{number}")).version
        after = (await story.prompts.get(f"tale@{number}")).version
        assert after.content_hash == before.content_hash
        assert (after.parent, after.branch) == (before.parent, before.branch)
        assert (after.created_by, after.created_at) == (before.created_by, before.created_at)
    moves = (await story.labels.list_moves("tale", limit=9)).items
    assert {(move.label, move.moved_by) for move in moves} == {
        ("production", "me"),
        ("trial", "me"),
    }
    await story.prompts.update("tale", PromptInput(template="own"))
    assert await _text(story, "story@latest") == "two"
    assert (await story.prompts.get("tale")).prompt.last_version == 4


async def test_the_moves_of_a_copy_tell_its_own_shares(story):
    await as_("ann", story).prompts.create("other", PromptInput(template="one"))
    for text in ("two", "three"):
        await as_("ann", story).prompts.update("other", PromptInput(template=text))
    await as_("ann", story).labels.set("other", "trial", {2: 1, 3: 1})
    await story.prompts.create("tale", PromptInput(), copy_of="story", with_history=True)
    moves = (await story.labels.list_moves("tale", limit=9)).items
    assert {move.label: move.weights for move in moves} == {
        "production": {},
        "trial": {1: 1, 2: 3},
    }


async def test_what_a_copy_cannot_be_is_said(story):
    with pytest.raises(Invalid, match="'template' can't be given"):
        await story.prompts.create(
            "a", PromptInput(template="x"), copy_of="story", with_history=True
        )
    with pytest.raises(Invalid, match="use 'story'"):
        await story.prompts.create("a", PromptInput(), copy_of="story@2", with_history=True)
    with pytest.raises(Invalid, match="is for a copy"):
        await story.prompts.create("a", PromptInput(template="x"), with_history=True)
    with pytest.raises(NotFound, match="story"):
        await story.prompts.create("a", PromptInput(), copy_of="stroy")
    with pytest.raises(Conflict, match="already exists"):
        await story.prompts.create("story", PromptInput(), copy_of="story")
    copied = await story.prompts.create(None, PromptInput(), copy_of="story")
    assert copied.current.prompt.name.startswith("story-")
