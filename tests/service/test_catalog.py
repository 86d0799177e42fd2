"""Reads are never stale: the promise that users of prompt managers miss most."""

import asyncio
import base64
from contextlib import asynccontextmanager

import pytest

from mcp_server.service import catalog, listing
from mcp_server.service.inputs import PromptInput
from mcp_server.service.views import View
from storage.database import Database
from storage.values.entities import Change, EmbeddedResource, Message, TextContent
from storage.values.errors import Unavailable
from tests.support.processes import SECONDS
from tests.support.seeing import seen


@pytest.fixture
async def elsewhere(connector):
    """A library in what could be another process: nothing shared but the database."""
    database = Database(connector)
    yield seen(database)
    await database.close()


async def _until(read, wanted) -> None:
    async with asyncio.timeout(SECONDS):
        while await read() != wanted:
            await asyncio.sleep(0.001)


async def _text(library) -> str:
    return (await library.prompts.get("note")).version.draft.messages[0].content.text


async def _names(library) -> list[str]:
    return [known.name for known in (await library.prompts.list_published()).items]


async def test_a_write_is_read_back_at_once_in_the_process_that_wrote(hearing_library):
    await hearing_library.prompts.create("note", PromptInput(template="0"))
    for number in range(1, 30):
        await hearing_library.prompts.update("note", PromptInput(template=f"{number}"))
        assert await _text(hearing_library) == f"{number}"
        assert (await hearing_library.prompts.list_published()).items[0].version == number + 1


async def test_a_write_elsewhere_is_seen_here(hearing_library, elsewhere):
    await elsewhere.prompts.create("note", PromptInput(template="0"))
    await _until(lambda: _names(hearing_library), ["note"])
    for number in range(1, 10):
        await elsewhere.prompts.update("note", PromptInput(template=f"{number}"))
        await _until(lambda: _text(hearing_library), f"{number}")


async def test_a_label_moved_elsewhere_is_seen_here(hearing_library, elsewhere):
    await elsewhere.prompts.create("note", PromptInput(template="1"))
    await elsewhere.prompts.update("note", PromptInput(template="2"))
    await _until(lambda: _text(hearing_library), "2")
    await elsewhere.labels.set("note@1", "production")
    await _until(lambda: _text(hearing_library), "1")
    await elsewhere.labels.remove("note", "production")
    await _until(lambda: _text(hearing_library), "2")


async def test_an_archived_prompt_leaves_the_list_elsewhere(hearing_library, elsewhere):
    for name in ("note", "other"):
        await elsewhere.prompts.create(name, PromptInput(template="1"))
    await _until(lambda: _names(hearing_library), ["note", "other"])
    await elsewhere.prompts.archive("note")
    await _until(lambda: _names(hearing_library), ["other"])
    await elsewhere.prompts.archive("note", restore=True)
    await _until(lambda: _names(hearing_library), ["note", "other"])


async def test_a_library_that_hears_nothing_reads_from_the_database(database, elsewhere):
    deaf = seen(database, is_hearing=lambda: False)
    await elsewhere.prompts.create("note", PromptInput(template="1"))
    assert await _text(deaf) == "1"
    await elsewhere.prompts.update("note", PromptInput(template="2"))
    assert await _text(deaf) == "2"
    assert await _names(deaf) == ["note"]


async def test_readers_during_many_writes_never_go_back_in_time(hearing_library, elsewhere):
    await elsewhere.prompts.create("note", PromptInput(template="0"))
    done = asyncio.Event()

    async def read() -> list[int]:
        seen = []
        while not done.is_set():
            seen.append((await hearing_library.prompts.get("note")).version.version)
            await asyncio.sleep(0)
        return seen

    readers = [asyncio.create_task(read()) for _ in range(3)]
    for number in range(40):
        await elsewhere.prompts.update("note", PromptInput(template=f"x{number}"))
    await _until(lambda: _text(hearing_library), "x39")
    done.set()
    for numbers in await asyncio.gather(*readers):
        assert numbers == sorted(numbers)


async def test_lists_read_at_once_while_much_changes_end_up_complete(hearing_library, elsewhere):
    async def create(number: int) -> None:
        await elsewhere.prompts.create(f"p{number:03}", PromptInput(template="x"))

    async def read() -> None:
        for _ in range(20):
            await hearing_library.prompts.list_published()

    await asyncio.gather(*(create(number) for number in range(40)), read(), read())
    await _until(lambda: _names(hearing_library), [f"p{number:03}" for number in range(40)])


@pytest.mark.parametrize("part", ["messages", "variants"])
async def test_a_version_weighs_what_its_variants_and_data_weigh(
    hearing_library, monkeypatch, part
):
    blob = base64.b64encode(b"x" * 3_000).decode()
    light = [Message("user", TextContent("x"))]
    heavy = [Message("user", EmbeddedResource("a://b", blob=blob))]
    fields = {"messages": light} | {part: heavy if part == "messages" else {"gpt": heavy}}
    await hearing_library.prompts.create("note", PromptInput(**fields))

    async def is_remembered() -> bool:
        first, second = [await hearing_library.prompts.get("note") for _ in range(2)]
        return first.version is second.version

    assert await is_remembered()
    hearing_library.core.hear(Change("everything"))
    monkeypatch.setattr(catalog, "_MAX_TEXT", 3_000)
    assert not await is_remembered()


class Interrupted(Database):
    """A database beside which something happens between an answer and its use, once."""

    meanwhile = None

    @asynccontextmanager
    async def reading(self):
        async with super().reading() as tx:
            yield tx
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            await happens()


@pytest.fixture
async def interrupted(connector):
    database = Interrupted(connector)
    yield database
    await database.close()


@pytest.fixture
def remembering(interrupted):
    """A library that hears what it is told, no sooner."""
    return seen(interrupted, is_hearing=lambda: True)


async def _change_elsewhere(elsewhere, remembering, text):
    await elsewhere.prompts.update("note", PromptInput(template=text))
    changed = (await elsewhere.prompts.get("note")).prompt
    remembering.core.hear(Change("version", changed.name, changed.id))


async def test_what_changed_while_it_was_read_isnt_remembered(elsewhere, remembering, interrupted):
    await elsewhere.prompts.create("note", PromptInput(template="1"))
    interrupted.meanwhile = lambda: _change_elsewhere(elsewhere, remembering, "2")
    assert await _text(remembering) == "1"
    assert await _text(remembering) == "2"


async def test_a_list_that_couldnt_be_mended_is_mended_later(elsewhere, remembering, interrupted):
    async def go_away():
        raise Unavailable("The database went away.")

    await elsewhere.prompts.create("note", PromptInput(template="1"))
    assert [each.version for each in (await remembering.prompts.list_published()).items] == [1]
    await _change_elsewhere(elsewhere, remembering, "2")
    interrupted.meanwhile = go_away
    with pytest.raises(Unavailable):
        await remembering.prompts.list_published()
    assert [each.version for each in (await remembering.prompts.list_published()).items] == [2]


async def test_a_view_that_is_forgotten_while_it_is_read_is_answered_all_the_same(
    elsewhere, remembering, interrupted
):
    async def look_elsewhere():
        for number in range(listing._VIEWS):
            await remembering.core.catalog.lists.whole(View(tags=(f"t{number}",)).filter)

    await elsewhere.prompts.create("note", PromptInput(template="1"))
    interrupted.meanwhile = look_elsewhere
    assert await _names(remembering) == ["note"]
    assert await _names(remembering) == ["note"]


async def test_a_list_that_was_read_while_nothing_could_be_heard_is_read_once(interrupted):
    hears = True

    async def stop_hearing():
        nonlocal hears
        hears = False

    library = seen(interrupted, is_hearing=lambda: hears)
    interrupted.meanwhile = stop_hearing
    assert await _names(library) == []
    hears, interrupted.meanwhile = True, _fail
    assert await _names(library) == []
    assert interrupted.meanwhile is not None


async def _fail():
    raise AssertionError("This was to be known.")


async def test_what_was_not_in_memory_is_counted(remembering):
    counted = remembering.core.catalog
    assert (counted.hits, counted.misses) == (0, 0)
    assert await counted.find_prompt("nobody") is None
    assert (counted.hits, counted.misses) == (0, 1)


async def test_a_version_that_isnt_there_is_looked_for_in_vain(hearing_library):
    saved = await hearing_library.prompts.create("note", PromptInput(template="0"))
    assert await hearing_library.core.catalog.find_version(saved.current.prompt.id, 2) is None
    await hearing_library.prompts.update("note", PromptInput(template="1"))
    found = await hearing_library.core.catalog.find_version(saved.current.prompt.id, 2)
    assert found.draft.messages[0].content.text == "1"
