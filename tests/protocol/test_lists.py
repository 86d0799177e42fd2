import pytest
from mcp import Client

from mcp_server.protocol import lists, prompts, resources
from mcp_server.protocol.callers import Callers
from mcp_server.service import listing
from mcp_server.service import prompts as service_prompts
from mcp_server.service.callers import Caller
from mcp_server.service.inputs import PromptInput
from mcp_server.service.views import View
from storage.values.entities import Argument
from tests.protocol.conftest import open_door
from tests.support.seeing import seen


async def names(client):
    return [prompt.name for prompt in (await client.list_prompts(cache_mode="bypass")).prompts]


@pytest.fixture
def made(monkeypatch):
    """The names of the prompts whose entries were made, in order."""
    seen = []
    for module, function in ((prompts, "_prompt"), (resources, "_resource")):
        present = getattr(module, function)

        def noting(summary, present=present):
            seen.append(summary.name)
            return present(summary)

        monkeypatch.setattr(module, function, noting)
    return seen


async def test_only_what_changed_is_made_anew(client, write, library, made):
    for name in ("b", "a", "c"):
        await write(name)
    assert await names(client) == ["a", "b", "c"]
    assert made == ["a", "b", "c"]
    assert await names(client) == ["a", "b", "c"]
    assert made == ["a", "b", "c"]
    await library.prompts.update("b", PromptInput(title="New"))
    listed = (await client.list_prompts(cache_mode="bypass")).prompts
    assert [(prompt.name, prompt.title) for prompt in listed] == [
        ("a", None),
        ("b", "New"),
        ("c", None),
    ]
    assert made == ["a", "b", "c", "b"]


async def test_prompts_come_and_go_from_a_remembered_list(client, write, library):
    await write("b")
    assert await names(client) == ["b"]
    await write("a")
    assert await names(client) == ["a", "b"]
    await library.prompts.archive("b")
    assert await names(client) == ["a"]
    await library.prompts.archive("b", restore=True)
    assert await names(client) == ["a", "b"]
    assert [each.name for each in (await client.list_resources()).resources] == ["a", "b"]


async def test_an_empty_list_is_a_list(client):
    assert await names(client) == []
    assert await names(client) == []


async def test_each_era_is_answered_in_its_own_form(door, write):
    await write("greeting")
    stamp = "io.modelcontextprotocol/serverInfo"
    for _ in range(2):
        async with Client(door.server, mode="legacy") as old, Client(door.server) as new:
            assert stamp not in ((await old.list_prompts()).meta or {})
            assert stamp in (await new.list_prompts()).meta


async def test_pages_are_cut_anew_each_time(library, write, made, era):
    for name in ("a", "b", "c"):
        await write(name)
    async with Client(open_door(library, page_size=2).server, mode=era) as client:
        first = await client.list_prompts()
        again = await client.list_prompts(cache_mode="bypass")
        last = await client.list_prompts(cursor=first.next_cursor)
    assert [[p.name for p in page.prompts] for page in (first, again, last)] == [
        ["a", "b"],
        ["a", "b"],
        ["c"],
    ]
    assert made == ["a", "b", "a", "b", "c"]


async def test_a_library_that_hears_nothing_is_remembered_by_what_its_entries_say(
    database, write, made, era
):
    await write("a")
    async with Client(open_door(seen(database)).server, mode=era) as client:
        assert await names(client) == ["a"]
        assert await names(client) == ["a"]
        assert made == ["a"]
        await write("b")
        assert await names(client) == ["a", "b"]
        assert made == ["a", "b"]


async def test_each_caller_of_a_server_is_listed_what_they_see(
    library, door, made, era, monkeypatch
):
    views = {"all": View(), "some": View(folders=("open",))}
    acting = ["all"]
    monkeypatch.setattr(Callers, "caller", lambda self, ctx: Caller("me", views[acting[0]]))
    await library.prompts.create("shut", PromptInput(template="x"))
    await library.prompts.create("seen", PromptInput(template="x", folder="open"))
    async with Client(door.server, mode=era) as client:
        for acting[0], listed in [("all", ["seen", "shut"]), ("some", ["seen"])] * 2:
            assert await names(client) == listed
        assert made == ["seen", "shut", "seen"]
        await library.prompts.update("seen", PromptInput(folder=""))
        assert await names(client) == []


def test_of_many_lists_those_asked_for_last_are_remembered(monkeypatch):
    monkeypatch.setattr(lists, "_MOST", 6)
    memory = lists.ListMemory()
    forms = [(View(tags=(tag,)), "prompts/list", "2025-11-25") for tag in "abc"]
    for form in forms:
        memory._remember(form, lists._List((), ["x", "y"], {}))
    assert list(memory._known) == forms[1:]


async def test_beyond_the_bound_lists_come_in_pages_that_nothing_is_remembered_of(
    library, write, made, era, monkeypatch
):
    for module in (listing, service_prompts):
        monkeypatch.setattr(module, "MOST_WHOLE", 3)
    monkeypatch.setattr(service_prompts, "PAGE", 2)
    door = open_door(library)
    async with Client(door.server, mode=era) as client:
        for name in ("a", "b", "c"):
            await write(name)
        whole = await client.list_prompts(cache_mode="bypass")
        assert ([p.name for p in whole.prompts], whole.next_cursor) == (["a", "b", "c"], None)
        await write("d")
        for ask, field in ((client.list_prompts, "prompts"), (client.list_resources, "resources")):
            first = await ask(cache_mode="bypass")
            second = await ask(cursor=first.next_cursor)
            listed = [[each.name for each in getattr(page, field)] for page in (first, second)]
            assert listed == [["a", "b"], ["c", "d"]]
            assert second.next_cursor is None
        assert made == ["a", "b", "c", *"abcd", *"abcd"]
        await library.prompts.archive("a")
        assert await names(client) == ["b", "c", "d"]


async def test_a_long_list_is_written_a_few_prompts_at_a_time(
    client, write, made, monkeypatch, library
):
    monkeypatch.setattr(lists, "_AT_ONCE", 4)
    arguments = [Argument("x"), Argument("y")]
    for number in range(6):
        await write(f"p{number}", template="x", arguments=arguments)
    sizes = []
    serialize = lists.serialize_server_result

    def noting(method, version, result):
        sizes.append(len(result["prompts"]))
        return serialize(method, version, result)

    monkeypatch.setattr(lists, "serialize_server_result", noting)
    assert await names(client) == [f"p{number}" for number in range(6)]
    assert sizes == [2, 2, 2]
    await library.prompts.update("p3", PromptInput(title="New"))
    listed = (await client.list_prompts(cache_mode="bypass")).prompts
    assert [each.title for each in listed] == [None, None, None, "New", None, None]
    assert sizes == [2, 2, 2, 1]
