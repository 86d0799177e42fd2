"""What a server that publishes a part of the library says of the rest: nothing."""

import pytest

from mcp_server.service.inputs import PromptInput
from mcp_server.service.views import View
from storage.values.entities import PromptFilter
from storage.values.errors import Forbidden, Invalid, NotFound
from tests.support.seeing import seen

TEXT = PromptInput(template="hello")


@pytest.fixture
def everything(database):
    return seen(database)


@pytest.fixture(params=[False, True], ids=["from the database", "from memory"])
def support(request, database):
    """A server of the folder 'support' alone."""
    view = View(folders=("support",))
    return seen(database, view=view, is_hearing=lambda: request.param)


async def _put(library, name, folder, template="hello"):
    await library.prompts.create(name, PromptInput(template=template, folder=folder))


async def _listed(library, chosen):
    return [each.name for each in (await library.prompts.list(chosen, limit=9)).items]


async def _found(library, words, chosen):
    return [hit.prompt.name for hit in (await library.search.find(words, chosen, limit=9)).items]


async def test_a_folder_whose_name_begins_alike_is_another_one(everything, support):
    await _put(everything, "refund", "support")
    await _put(everything, "escalation", "support/vip")
    await _put(everything, "salaries", "support-secret")
    inside = ["escalation", "refund"]
    every = PromptFilter()
    assert [each.name for each in (await support.prompts.list_published()).items] == inside
    assert await _listed(support, every) == inside
    assert sorted(await _found(support, "hello", every)) == inside
    for use in (
        support.prompts.get("salaries"),
        support.prompts.render("salaries", {}),
        support.prompts.update("salaries", PromptInput(title="x")),
    ):
        with pytest.raises(NotFound):
            await use
    with pytest.raises(Forbidden):
        await _put(support, "new", "support-secret")
    with pytest.raises(Forbidden):
        await support.prompts.update("refund", PromptInput(folder="support-secret"))
    with pytest.raises(Invalid, match="no such prompt"):
        await _put(support, "leak", "support", "{{> salaries}}")


async def test_an_underscore_in_a_folder_is_no_wildcard(everything, database):
    await _put(everything, "meant", "a_b/c")
    await _put(everything, "other", "axb/c")
    chosen = PromptFilter(folder="a_b")
    narrow = seen(database, view=View(folders=("a_b",)))
    for library, asked in ((everything, chosen), (narrow, PromptFilter())):
        assert await _listed(library, asked) == ["meant"]
        assert await _found(library, "hello", asked) == ["meant"]
        assert await _found(library, "", asked) == ["meant"]


async def test_nothing_is_suggested_that_isnt_published(everything, support):
    await _put(everything, "quarterly-salaries", "board")
    await _put(everything, "yearly-refunds", "board")
    await _put(everything, "yearly-refund-list", "support")
    with pytest.raises(NotFound) as caught:
        await support.prompts.get("quarterly-salarie")
    assert not caught.value.nearest
    assert "quarterly-salaries" not in caught.value.message
    with pytest.raises(NotFound) as caught:
        await support.prompts.get("yearly-refundes")
    assert caught.value.nearest == ("yearly-refund-list",)


async def test_an_id_of_what_isnt_published_is_refused_by_the_id(everything, support):
    hidden = await everything.prompts.create(
        "salaries", PromptInput(template="hello", folder="board")
    )
    shown = await everything.prompts.create(
        "refund", PromptInput(template="hello", folder="support")
    )
    secret = str(hidden.current.prompt.id)
    for use in (
        support.prompts.get(secret),
        support.prompts.get(f"{secret}@1"),
        support.prompts.archive(secret),
        support.versions.list(secret, limit=1),
        support.labels.set(secret, "production"),
    ):
        with pytest.raises(NotFound, match=f"There is no prompt named '{secret}'") as caught:
            await use
        assert "salaries" not in caught.value.message
    assert (await support.prompts.get(str(shown.current.prompt.id))).prompt.name == "refund"


async def test_the_hint_for_an_include_names_what_is_published_alone(everything, support):
    await _put(everything, "house-style", "board")
    with pytest.raises(Invalid, match=r"no such prompt\. Create it first") as caught:
        await _put(support, "letter", "support", "{{> house-styl}}")
    assert "house-style" not in caught.value.message
    await _put(everything, "house-stile", "support")
    with pytest.raises(Invalid, match="Use 'house-stile', or create it first"):
        await _put(support, "letter", "support", "{{> house-styl}}")


async def test_the_hint_for_an_include_names_no_archived_prompt(everything):
    await _put(everything, "house-style", "")
    await everything.prompts.archive("house-style")
    with pytest.raises(Invalid, match=r"no such prompt\. Create it first"):
        await _put(everything, "letter", "", "{{> house-styl}}")


async def test_archived_names_take_no_place_among_suggestions(everything):
    for number in range(20):
        await _put(everything, f"house-style{number:02}", "")
        await everything.prompts.archive(f"house-style{number:02}")
    await _put(everything, "the-house-style-of-ours", "")
    with pytest.raises(NotFound) as caught:
        await everything.prompts.get("house-style")
    assert caught.value.nearest == ("the-house-style-of-ours",)
