"""Lists that are too long to come whole: pages, in bounded memory, as fresh as any other read."""

import re
from itertools import chain

import pytest
import sqlalchemy as sa

from mcp_server.service import listing, prompts
from mcp_server.service.inputs import PromptInput
from mcp_server.service.views import View
from storage.ids import new_id
from storage.values.entities import Change
from storage.values.errors import Invalid, NotFound
from tests.support.library import add_many
from tests.support.seeing import seen

WHOLE, PAGE = 10, 4
LONG = [f"p-{number:02}" for number in range(WHOLE + 2)]


@pytest.fixture(autouse=True)
def small_bounds(monkeypatch):
    for module in (listing, prompts):
        monkeypatch.setattr(module, "MOST_WHOLE", WHOLE)
    monkeypatch.setattr(prompts, "PAGE", PAGE)


@pytest.fixture(params=[True, False], ids=["hearing", "deaf"])
def library(request, database):
    """One whose every write is its own, so that its memory is never behind; or none of that."""
    return seen(database, is_hearing=lambda: request.param)


async def fill(library, names) -> None:
    for name in names:
        await library.prompts.create(name, PromptInput(template="x"))


async def pages(library, *, limit=None, cursor=None) -> list[list[str]]:
    found = []
    while True:
        page = await library.prompts.list_published(limit=limit, cursor=cursor)
        found.append([each.name for each in page.items])
        cursor = page.next_cursor
        if cursor is None:
            return found


async def test_a_list_is_whole_up_to_the_bound_and_comes_in_pages_beyond_it(library):
    assert await pages(library) == [[]]
    await fill(library, LONG[:WHOLE])
    assert await pages(library) == [LONG[:WHOLE]]
    await fill(library, LONG[WHOLE : WHOLE + 1])
    assert await pages(library) == [LONG[:4], LONG[4:8], LONG[8:11]]
    await library.prompts.archive(LONG[0])
    assert await pages(library) == [LONG[1:11]]
    await library.prompts.archive(LONG[0], restore=True)
    assert await pages(library) == [LONG[:4], LONG[4:8], LONG[8:11]]


async def test_a_first_page_is_as_fresh_as_the_last_write(library):
    await fill(library, LONG)
    assert (await pages(library))[0] == LONG[:4]
    await fill(library, ["a-new-one"])
    assert (await pages(library))[0] == ["a-new-one", *LONG[:3]]
    await library.prompts.update("a-new-one", PromptInput(), new_name="z-new-one")
    assert await pages(library) == [LONG[:4], LONG[4:8], LONG[8:12], ["z-new-one"]]


async def test_a_walk_goes_on_where_it_was_when_the_list_becomes_short_enough(library):
    await fill(library, LONG)
    first = await library.prompts.list_published()
    await library.prompts.archive(LONG[5])
    await library.prompts.archive(LONG[6])
    assert await pages(library, cursor=first.next_cursor) == [[LONG[4], *LONG[7:]]]


async def test_a_walk_goes_on_where_it_was_when_the_list_becomes_too_long(library):
    await fill(library, LONG[:WHOLE])
    first = await library.prompts.list_published(limit=3)
    await fill(library, LONG[WHOLE:])
    assert await pages(library, cursor=first.next_cursor) == [LONG[3:7], LONG[7:11], LONG[11:]]


async def test_a_page_of_a_size_that_was_asked_for_is_never_longer_than_a_whole_list(library):
    await fill(library, LONG)
    assert await pages(library, limit=5) == [LONG[:5], LONG[5:10], LONG[10:]]
    assert await pages(library, limit=1_000) == [LONG[:WHOLE], LONG[WHOLE:]]


async def test_a_cursor_of_another_list_is_refused_in_pages_too(library):
    await fill(library, LONG)
    given = (await library.prompts.list_published()).next_cursor
    narrow = seen(library.core.database, view=View(folders=("a",)))
    for other, cursor in ((narrow, given), (library, f"{given}x"), (library, "forged")):
        with pytest.raises(Invalid, match="is not one that this list gave out"):
            await other.prompts.list_published(cursor=cursor)


@pytest.mark.parametrize("view", [View(folders=("open",)), View(tags=("t",))])
async def test_a_short_view_of_a_long_library_is_whole(library, database, view):
    await fill(library, LONG)
    narrow = seen(database, view=view, is_hearing=lambda: True)
    assert await pages(narrow) == [[]]
    for name in ("b", "a"):
        inside = PromptInput(template="x", folder="open/a", tags=["t"])
        await narrow.prompts.create(name, inside)
    assert await pages(narrow) == [["a", "b"]]
    outside = PromptInput(folder="closed", tags=[])
    moved = await library.prompts.update("a", outside)
    narrow.core.hear(Change("prompt", "a", moved.current.prompt.id))
    assert await pages(narrow) == [["b"]]


@pytest.fixture
def statements():
    """The statements that any engine runs."""
    seen: list[str] = []

    def note(connection, cursor, statement, parameters, context, many):
        seen.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


def unbounded(statements) -> list[str]:
    """Those that may read as much as the library holds: no limit, and no prompt that is named."""
    bounded = re.compile(r"\bLIMIT\b|\bprompts\.id IN \(|prompt_names\.name = ")
    return [each for each in statements if _lists(each) and not bounded.search(each)]


def _lists(statement: str) -> bool:
    return statement.startswith("SELECT") and "FROM prompts" in statement


async def test_no_list_reads_more_of_the_library_than_its_page(library, database, statements):
    await add_many(database, 3 * WHOLE, "p-{}", "x")
    listed = await pages(library)
    assert [len(page) for page in listed] == [PAGE] * 7 + [2]
    library.core.hear(Change("everything"))
    library.core.hear(Change("prompt", "p-1", new_id()))
    await library.prompts.list_published()
    await library.completing.name("p-")
    with pytest.raises(NotFound):
        await library.prompts.get("p-nothing-like-it")
    assert len([each for each in statements if _lists(each)]) > 10
    assert unbounded(statements) == []


async def test_of_a_long_list_nothing_is_remembered_whatever_changes(database, statements):
    library = seen(database, is_hearing=lambda: True)
    await add_many(database, 3 * WHOLE, "p-{}", "x")
    await library.prompts.list_published()
    statements.clear()
    for number in range(10 * listing._MANY):
        library.core.hear(Change("prompt", f"p-{number}", new_id()))
    assert statements == []
    (remembered,) = library.core.catalog.lists._views.values()
    assert (remembered.summaries, remembered.answer) == (None, None)
    assert len(remembered.dirty) <= listing._MANY


async def test_a_change_of_a_whole_list_reads_only_what_changed(database, statements):
    library = seen(database, is_hearing=lambda: True)
    await fill(library, LONG[:WHOLE])
    await library.prompts.list_published()
    await library.prompts.update(LONG[3], PromptInput(title="New"))
    statements.clear()
    (page,) = [await library.prompts.list_published()]
    assert [each.title for each in page.items] == [None] * 3 + ["New"] + [None] * 6
    assert len(statements) == 1
    assert "prompts.id IN (" in statements[0]
    await library.prompts.list_published()
    assert len(statements) == 1


async def test_more_views_than_are_remembered_are_all_right(database):
    library = seen(database, is_hearing=lambda: True)
    await fill(library, LONG[:2])
    for _ in range(2):
        for number in range(listing._VIEWS + 2):
            view = View(tags=(f"t{number}",)).filter
            assert await library.core.catalog.lists.whole(view) == ()
    assert len(library.core.catalog.lists._views) == listing._VIEWS
    assert await pages(library) == [LONG[:2]]


async def test_names_are_suggested_and_completed_in_a_long_library(library):
    await fill(library, [*LONG, "review-code", "code-review", "code-golf"])
    completed = await library.completing.name("COD")
    assert (completed.values, completed.total) == (("code-golf", "code-review"), 2)
    assert (await library.completing.name("view")).values == ("code-review", "review-code")
    assert (await library.completing.name("nothing")).values == ()
    with pytest.raises(NotFound, match="Did you mean 'code-review' or 'review-code'"):
        await library.prompts.get("reveiw-code")
    with pytest.raises(NotFound, match="Search for words of it"):
        await library.prompts.get("qqqqq")


async def test_a_long_completion_says_that_there_is_more(library):
    many = [f"n{number:03}" for number in range(101)]
    await fill(library, many)
    completed = await library.completing.name("n")
    assert (completed.values, completed.total, completed.has_more) == (
        tuple(many[:100]),
        None,
        True,
    )


async def test_nothing_is_suggested_that_isnt_in_view(library, database):
    await fill(library, [*LONG, "launch-codes"])
    narrow = seen(database, view=View(folders=("open",)))
    with pytest.raises(NotFound, match="Search for words of it"):
        await narrow.prompts.get("launch-code")
    including = PromptInput(template="{{> launch-code}}", folder="open")
    with pytest.raises(Invalid, match=r"no such prompt\. Create it first"):
        await narrow.prompts.create("mine", including)


async def test_lists_have_the_same_order_whether_whole_or_not_and_on_every_server(
    library, statements
):
    names = ["a-z", "a0", "a_b", "aa", "ab", "b", "b-a", "b0", "b_a", "ba"]
    await fill(library, reversed(names))
    assert await pages(library) == [names]
    await fill(library, ["c_0", "c-0"])
    statements.clear()
    assert [*chain(*await pages(library))] == [*names, "c-0", "c_0"]
    # A server's own order may pass over hyphens and underlines.
    listing_ones = [each for each in statements if "ORDER BY prompts" in each]
    assert len(listing_ones) == 3
    assert all('ORDER BY prompts.name COLLATE "C"' in each for each in listing_ones)


async def test_what_is_read_while_everything_changes_is_not_remembered(database, monkeypatch):
    library, elsewhere = seen(database, is_hearing=lambda: True), seen(database)
    await fill(library, ["a"])
    read = listing.Listings._read

    async def interrupted(self, view):
        found = await read(self, view)
        library.core.hear(Change("everything"))
        return found

    with monkeypatch.context() as patched:
        patched.setattr(listing.Listings, "_read", interrupted)
        assert await pages(library) == [["a"]]
    await fill(elsewhere, ["b"])
    assert await pages(library) == [["a", "b"]]
    await fill(elsewhere, ["unheard"])
    assert await pages(library) == [["a", "b"]]
