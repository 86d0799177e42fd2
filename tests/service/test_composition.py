from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import sqlalchemy as sa

from mcp_server.service.composing import Composer
from mcp_server.service.inputs import PromptInput
from mcp_server.service.readers import Reader
from mcp_server.service.sight import Sight
from mcp_server.service.terms import Terms
from mcp_server.service.views import View
from storage.values.entities import Argument, PromptFilter
from storage.values.errors import Conflict, Invalid, NotFound
from tests.support.seeing import seen

EVERY = PromptFilter()


@pytest.fixture(params=[False, True], ids=["from the database", "from memory"])
def library(request, database):
    """A library that has the database to itself, reading from there or from memory."""
    return seen(database, is_hearing=lambda: request.param)


@contextmanager
def counted_queries() -> Iterator[list[str]]:
    """Collect the statements that are sent meanwhile."""
    sent: list[str] = []

    def note(_connection, _cursor, statement, *_):
        sent.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


@pytest.fixture
async def styled(library):
    """A prompt that includes another one."""
    await _create(library, "tone", "Be kind to {{who}}.")
    await _create(library, "review", "Review {{code}}. {{> tone}}")
    return library


async def _create(library, name, template, **fields):
    return await library.prompts.create(name, PromptInput(template=template, **fields))


async def _update(library, name, template, **fields):
    return await library.prompts.update(name, PromptInput(template=template, **fields))


async def _used(library, reference, **values):
    rendered = await library.prompts.render(reference, values)
    return rendered.messages[0].content.text


async def test_an_older_version_that_nobody_read_yet_is_included(styled, database):
    await _update(styled, "tone", "Be brief.")
    await _create(styled, "old", "{{> tone@1}}")
    reader = seen(database, is_hearing=lambda: True)
    await reader.prompts.get("tone")  # now it is remembered, without the version that is wanted
    assert await _used(reader, "old", who="Ada") == "Be kind to Ada."


async def test_an_included_text_is_what_its_name_means_now(styled):
    assert await _used(styled, "review", code="x", who="Ada") == "Review x. Be kind to Ada."
    await _update(styled, "tone", "Be frank.")
    assert await _used(styled, "review", code="x") == "Review x. Be frank."
    await styled.labels.set("tone@1", "production")
    assert await _used(styled, "review", code="x", who="Ada") == "Review x. Be kind to Ada."


async def test_versions_labels_and_branches_can_be_included(styled):
    await styled.labels.set("tone@1", "staging")
    await styled.branches.create("tone", branch="dry")
    await styled.prompts.update("tone", PromptInput(template="Dry."), branch="dry")
    await _update(styled, "tone", "New.")
    await _create(
        styled, "all", "{{> tone@1}}|{{> tone@staging}}|{{> tone@branch:dry}}|{{> tone@latest}}"
    )
    assert await _used(styled, "all", who="A") == "Be kind to A.|Be kind to A.|Dry.|New."


async def test_lists_tell_the_arguments_of_what_is_included(styled):
    for page in (
        await styled.prompts.list(EVERY, limit=10),
        await styled.prompts.list_published(),
    ):
        told = {each.name: [argument.name for argument in each.arguments] for each in page.items}
        assert told["review"] == ["code", "who"]
    await _update(styled, "tone", "Be {{how}}.", arguments=[Argument("how", default="kind")])
    (found,) = (await styled.search.find("review code", EVERY, limit=10)).items
    assert [argument.name for argument in found.prompt.arguments] == ["code", "how"]
    missing = await styled.prompts.missing("review", {})
    assert [argument.name for argument in missing.arguments] == ["code"]


async def test_a_read_of_the_including_prompt_changes_its_state_with_the_included_one(styled):
    before = (await styled.prompts.get("review")).state
    await _update(styled, "tone", "Be frank.")
    after = await styled.prompts.get("review")
    assert after.state != before
    assert after.composition.fragments["tone"].version == 2
    own = frozenset({after.state.partition(".")[0]})
    await styled.prompts.update(
        "review", PromptInput(template="{{> tone}}"), terms=Terms(expected_states=own)
    )


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("{{> tnoe}}", "no such prompt"),
        ("{{> Tone}}", "Use 'tone'"),
        ("{{> tone@7}}", "no version 7"),
        ("{{> tone@staging}}", "no label 'staging'"),
        ("{{> mine}}", "the prompt itself"),
    ],
)
async def test_an_include_that_leads_nowhere_is_refused_when_it_is_written(styled, written, words):
    with pytest.raises(Invalid, match=words):
        await _create(styled, "mine", written)
    with pytest.raises(NotFound):
        await styled.prompts.get("mine")


async def test_a_circle_is_refused_when_it_is_written(styled):
    with pytest.raises(Conflict, match="circle"):
        await _update(styled, "tone", "{{> review}}")
    assert (await styled.prompts.get("tone")).version.version == 1


async def test_a_circle_made_by_a_label_is_found_when_it_is_read(styled):
    """`tone` includes `base`, which began to include `tone` while another version was served."""
    await _create(styled, "base", "plain")
    await styled.labels.set("base@1", "production")
    await styled.branches.create("base", branch="odd")
    await _create(styled, "middle", "x")
    await _update(styled, "middle", "{{> base}}")
    with pytest.raises(Conflict, match="circle"):
        await styled.prompts.update("base", PromptInput(template="{{> middle}}"))
    await styled.labels.set("middle@1", "production")
    await styled.prompts.update("base", PromptInput(template="{{> middle}}"))
    await styled.labels.set("base@2", "production", terms=Terms(force=True))
    await styled.labels.set("middle@2", "production", terms=Terms(force=True))
    shown = await styled.prompts.get("base")
    assert "circle" in shown.composition.problem.message
    with pytest.raises(Conflict, match="circle"):
        await styled.prompts.render("base", {})


async def test_an_included_prompt_is_archived_only_by_force(styled):
    assert [each.prompt.name for each in await _includers(styled, "tone")] == ["review"]
    with pytest.raises(Conflict, match="included by 'review'"):
        await styled.prompts.archive("tone")
    await styled.prompts.archive("tone", terms=Terms(force=True))
    with pytest.raises(Conflict, match="'tone' is archived"):
        await styled.prompts.render("review", {"code": "x"})
    assert (await styled.prompts.get("review")).composition.problem is not None
    await styled.prompts.archive("tone", restore=True)
    assert await _used(styled, "review", code="x", who="A") == "Review x. Be kind to A."


async def test_only_versions_in_use_count_as_use(styled):
    await _update(styled, "review", "Alone {{code}}")
    assert await _includers(styled, "tone") == ()
    await styled.labels.set("review@1", "old")
    assert [each.prompt.name for each in await _includers(styled, "tone")] == ["review"]
    found = await styled.search.find("alone", PromptFilter(includes="tone"), limit=10)
    assert [hit.prompt.name for hit in found.items] == ["review"]
    none = await styled.search.find("alone", PromptFilter(includes="review"), limit=10)
    assert none.items == ()


async def test_a_model_gets_the_included_variant(styled):
    from storage.values.entities import Message, TextContent

    terse = {"gpt-*": [Message("user", TextContent("Kind."))]}
    await _update(styled, "tone", "Be very kind.", variants=terse)
    rendered = await styled.prompts.render("review", {"code": "x"}, reader=Reader("gpt-5", None))
    assert rendered.messages[0].content.text == "Review x. Kind."


async def test_nothing_is_included_that_this_server_does_not_show(database, library):
    await _create(library, "secret", "hidden")
    narrowed = seen(database, view=View(tags=("public",)))
    with pytest.raises(Invalid, match="no such prompt"):
        await _create(narrowed, "open", "{{> secret}}", tags=["public"])


async def test_everything_is_read_in_one_query_however_deep(database, library):
    await _create(library, "p0", "end")
    for number in range(1, 12):
        await _create(library, f"p{number}", f"{{{{> p{number - 1}}}}}")
    reader = seen(database, is_hearing=lambda: True)
    with counted_queries() as queries:
        assert await _used(reader, "p11") == "end"
    assert len(queries) == 2
    with counted_queries() as queries:
        assert await _used(reader, "p11") == "end"
    assert queries == []


async def _includers(library, name):
    return (await library.search.find("", PromptFilter(includes=name), limit=10)).items


async def test_reasons_from_memory_are_told_whole_where_nothing_is_hidden(database, styled):
    remembering = seen(database, view=View(tags=("t",)), is_hearing=lambda: True)
    for name, text in {"inner": "x", "outer": "{{> inner}}"}.items():
        await remembering.prompts.create(name, PromptInput(template=text, tags=["t"]))
    await remembering.prompts.get("outer")
    await remembering.prompts.archive("inner", terms=Terms(force=True))
    for _ in "twice":
        problem = (await remembering.prompts.get("outer")).composition.problem
        assert "'inner' is archived" in problem.message


async def test_a_summary_of_a_version_that_is_gone_stays_as_it_is(styled):
    listed = (await styled.prompts.list_published()).items
    (review,) = [each for each in listed if each.name == "review"]
    stale = replace(review, version=99)
    composer = Composer(Sight(styled.core.catalog, View()), styled.core.catalog)
    assert await composer.complete([stale]) == (stale,)
