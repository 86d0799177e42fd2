from uuid import uuid4

import anyio
import pytest
from mcp import Client
from mcp.server.subscriptions import PromptsListChanged, ResourcesListChanged, ResourceUpdated
from mcp.shared.exceptions import MCPError
from mcp_types import (
    PromptListChangedNotification,
    ResourceListChangedNotification,
    ResourceUpdatedNotification,
)

from mcp_server.protocol import changes
from mcp_server.protocol.callers import Callers
from mcp_server.service.callers import Caller
from mcp_server.service.inputs import PromptInput
from mcp_server.service.views import View
from storage.values.entities import Change, Place
from tests.protocol.conftest import open_door
from tests.support.processes import SECONDS
from tests.support.seeing import seen

pytestmark = pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")

PROMPT = Change("prompt", "greeting", uuid4())
VERSION = Change("version", "greeting", uuid4(), listed=False)
LABEL = Change("label", "greeting", uuid4(), label="production")
EVERYTHING = Change("everything")


class Heard:
    """What a legacy client was told."""

    def __init__(self):
        self.told = []
        self._more = anyio.Event()

    async def __call__(self, message):
        match message:
            case PromptListChangedNotification():
                self.told.append("prompts")
            case ResourceListChangedNotification():
                self.told.append("resources")
            case ResourceUpdatedNotification():
                self.told.append(message.params.uri)
            case _:
                return
        self._more.set()
        self._more = anyio.Event()

    async def until(self, expected):
        with anyio.fail_after(SECONDS):
            while len(self.told) < len(expected):
                await self._more.wait()
        assert sorted(self.told) == sorted(expected)
        self.told = []


async def settle():
    """Let everything run that can run without time passing."""
    for _ in range(50):
        await anyio.lowlevel.checkpoint()


async def take(subscription, expected):
    heard = []
    with anyio.fail_after(SECONDS):
        async for event in subscription:
            heard.append(event)
            if len(heard) == len(expected):
                break
    assert sorted(map(repr, heard)) == sorted(map(repr, expected))


async def test_a_legacy_client_hears_of_changed_lists(door):
    heard = Heard()
    async with Client(door.server, mode="legacy", message_handler=heard):
        await settle()
        await door.changes.publish([PROMPT])
        await heard.until(["prompts", "resources"])


async def test_a_modern_client_hears_of_changed_lists(door):
    async with (
        Client(door.server) as client,
        client.listen(prompts_list_changed=True, resources_list_changed=True) as heard,
    ):
        await door.changes.publish([PROMPT])
        await take(heard, [PromptsListChanged(), ResourcesListChanged()])


async def test_a_burst_is_told_as_one_change(door):
    heard = Heard()
    async with Client(door.server, mode="legacy", message_handler=heard) as client:
        await client.subscribe_resource("prompt://greeting")
        await door.changes.publish([PROMPT, PROMPT, VERSION, LABEL])
        await heard.until(["prompts", "resources", "prompt://greeting"])
        await settle()
        assert heard.told == []


async def test_a_client_watches_no_more_resources_than_it_may(door, monkeypatch):
    monkeypatch.setattr(changes, "MAX_WATCHED", 2)
    async with Client(door.server, mode="legacy") as client:
        for name in ("a", "b", "a"):
            await client.session.subscribe_resource(f"prompt://{name}")
        with pytest.raises(MCPError, match=r"at most 2 resources.*Unsubscribe from some"):
            await client.session.subscribe_resource("prompt://c")
        await client.session.unsubscribe_resource("prompt://a")
        await client.session.subscribe_resource("prompt://c")
    async with Client(door.server) as client:
        with pytest.raises(MCPError, match="at most 2 resources"):
            async with client.listen(resource_subscriptions=["prompt://a", "prompt://b", "x://"]):
                pass


async def test_what_changes_no_entry_of_a_list_is_told_to_subscribers_only(door):
    heard = Heard()
    async with Client(door.server, mode="legacy", message_handler=heard) as client:
        await client.subscribe_resource("prompt://greeting")
        await door.changes.publish([VERSION])
        await heard.until(["prompt://greeting"])


@pytest.mark.parametrize(
    ("change", "uris"),
    [
        (
            VERSION,
            ["prompt://greeting", "prompt://greeting/history", "prompt://greeting/labels/latest"],
        ),
        (
            LABEL,
            [
                "prompt://greeting",
                "prompt://greeting/history",
                "prompt://greeting/labels/production",
            ],
        ),
    ],
)
async def test_a_change_updates_every_resource_that_it_moves(door, change, uris):
    others = ["prompt://other", "prompt://greeting/versions/1", "prompt://greeting/labels/staging"]
    async with (
        Client(door.server) as client,
        client.listen(resource_subscriptions=[*uris, *others]) as modern,
    ):
        await door.changes.publish([change])
        await take(modern, [ResourceUpdated(uri) for uri in uris])
        await door.changes.publish([Change("version", "other", uuid4())])
        await take(modern, [ResourceUpdated("prompt://other")])


async def test_an_archived_prompt_updates_all_that_is_watched_below_it(door):
    watched = ["prompt://greeting/versions/1", "prompt://greeting/labels/staging"]
    async with (
        Client(door.server) as client,
        client.listen(resource_subscriptions=[*watched, "prompt://greetings"]) as heard,
    ):
        await door.changes.publish([PROMPT])
        await take(heard, [ResourceUpdated(uri) for uri in watched])


async def test_a_gap_updates_everything_that_anyone_watches(door):
    heard = Heard()
    async with (
        Client(door.server, mode="legacy", message_handler=heard) as legacy,
        Client(door.server) as client,
        client.listen(resource_subscriptions=["prompt://a", "prompt://b"]) as modern,
    ):
        await legacy.subscribe_resource("prompt://c/history")
        await door.changes.publish([EVERYTHING])
        await heard.until(["prompts", "resources", "prompt://c/history"])
        await take(modern, [ResourceUpdated("prompt://a"), ResourceUpdated("prompt://b")])


async def test_nobody_hears_of_resources_that_they_did_not_subscribe_to(door):
    first, second = Heard(), Heard()
    async with (
        Client(door.server, mode="legacy", message_handler=first) as subscriber,
        Client(door.server, mode="legacy", message_handler=second) as bystander,
    ):
        await subscriber.subscribe_resource("prompt://greeting")
        await bystander.subscribe_resource("prompt://other")
        await door.changes.publish([VERSION])
        await first.until(["prompt://greeting"])
        await settle()
        assert second.told == []


async def test_an_unsubscribed_client_hears_no_more(door):
    heard = Heard()
    async with Client(door.server, mode="legacy", message_handler=heard) as client:
        await client.subscribe_resource("prompt://greeting")
        await client.unsubscribe_resource("prompt://greeting")
        await door.changes.publish([VERSION])
        await settle()
        assert heard.told == []


async def test_a_subscription_to_what_can_be_no_resource_is_refused(door):
    async with Client(door.server, mode="legacy") as client:
        with pytest.raises(MCPError):
            await client.subscribe_resource("file:///etc/passwd")


async def test_a_client_that_left_is_forgotten(door):
    async with Client(door.server, mode="legacy") as client:
        await client.subscribe_resource("prompt://greeting")
        assert [len(each.followers) for each in door.changes._audiences.values()] == [1]
    assert door.changes._audiences == {}
    async with (
        Client(door.server) as client,
        client.listen(resource_subscriptions=["prompt://greeting"]),
    ):
        (audience,) = door.changes._audiences.values()
        assert audience._watched("") == ["prompt://greeting"]
    await settle()
    assert door.changes._audiences == {}
    await door.changes.publish([EVERYTHING])


SHOWN, HIDDEN = Place("open", ()), Place("shut", ())


@pytest.fixture
async def narrow(database):
    """A server of the folder 'open', where one prompt is; another one isn't."""
    everything = seen(database)
    for name, place in (("shown", SHOWN), ("hidden", HIDDEN)):
        await everything.prompts.create(name, PromptInput(template="x", folder=place.folder))
    return open_door(seen(database, view=View(folders=("open",))))


def _changed(name, *places):
    return Change("prompt", name, places=places)


async def test_who_sees_a_part_is_told_of_that_part_and_of_what_comes_and_goes(narrow):
    heard = Heard()
    async with Client(narrow.server, mode="legacy", message_handler=heard):
        await settle()
        await narrow.changes.publish([_changed("hidden", HIDDEN)])
        await settle()
        assert heard.told == []
        for places in ((SHOWN,), (SHOWN, HIDDEN), (HIDDEN, SHOWN), ()):
            await narrow.changes.publish([_changed("shown", *places)])
            await heard.until(["prompts", "resources"])
        await narrow.changes.publish([EVERYTHING])
        await heard.until(["prompts", "resources"])


async def test_a_subscription_to_what_isnt_shown_is_refused_as_if_it_werent_there(narrow):
    async with Client(narrow.server, mode="legacy") as client:
        for name in ("hidden", "nothing"):
            with pytest.raises(MCPError, match=f"There is no prompt named '{name}'"):
                await client.subscribe_resource(f"prompt://{name}")
        await client.subscribe_resource("prompt://shown")
    async with Client(narrow.server) as client:
        for name in ("hidden", "nothing"):
            with pytest.raises(MCPError, match=f"There is no prompt named '{name}'"):
                async with client.listen(resource_subscriptions=[f"prompt://{name}/history"]):
                    pass


async def test_a_watched_prompt_that_is_hidden_is_told_of_once_more(narrow):
    watched = "prompt://shown"
    async with (
        Client(narrow.server) as client,
        client.listen(resource_subscriptions=[watched]) as subscription,
    ):
        await narrow.changes.publish([_changed("shown", SHOWN, HIDDEN)])
        await take(subscription, [ResourceUpdated(watched)])
        await narrow.changes.publish([_changed("shown", HIDDEN)])
        await narrow.changes.publish([_changed("shown", HIDDEN, SHOWN)])
        await take(subscription, [ResourceUpdated(watched)])


async def test_two_callers_of_a_server_are_told_of_what_each_sees(door, monkeypatch):
    everything, part = Heard(), Heard()
    with monkeypatch.context() as acting:
        async with Client(door.server, mode="legacy", message_handler=everything):
            await settle()
            narrowed = Caller("me", View(folders=("open",)))
            acting.setattr(Callers, "caller", lambda self, ctx: narrowed)
            async with Client(door.server, mode="legacy", message_handler=part):
                await settle()
                await door.changes.publish([_changed("hidden", HIDDEN)])
                await everything.until(["prompts", "resources"])
                assert part.told == []
                await door.changes.publish([_changed("shown", SHOWN)])
                for heard in (everything, part):
                    await heard.until(["prompts", "resources"])


async def test_a_client_that_reads_nothing_holds_up_nobody(door):
    stuck, heard = anyio.Event(), Heard()

    async def never_returns(message):
        stuck.set()
        await anyio.sleep_forever()

    async with (
        Client(door.server, mode="legacy", message_handler=heard),
        Client(door.server, mode="legacy", message_handler=never_returns),
    ):
        await settle()
        await door.changes.publish([PROMPT])
        await stuck.wait()
        await heard.until(["prompts", "resources"])
        for _ in range(200):
            await door.changes.publish([PROMPT])
        await settle()
        assert "prompts" in heard.told


async def test_a_closed_door_ends_its_streams_in_good_order(door):
    async with (
        Client(door.server) as client,
        client.listen(prompts_list_changed=True) as heard,
    ):
        door.changes.close()
        with anyio.fail_after(SECONDS):
            assert [event async for event in heard] == []
