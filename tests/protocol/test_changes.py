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
from storage.values.entities import Change
from tests.support.processes import SECONDS

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
        assert len(door.changes._followers) == 1
    assert door.changes._followers == {}
    async with (
        Client(door.server) as client,
        client.listen(resource_subscriptions=["prompt://greeting"]),
    ):
        assert door.changes._watched("") == ["prompt://greeting"]
    await settle()
    assert door.changes._watched("") == []
    await door.changes.publish([EVERYTHING])


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
