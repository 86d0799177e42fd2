"""A change in one client's process shows up in another client's menu, without a restart."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import mcp_types as types
import pytest
from mcp import Client, MCPDeprecationWarning

from tests.support.library import add_prompt
from tests.support.network import network_to
from tests.support.processes import SECONDS

LISTS = "notifications/prompts/list_changed"


class Inbox:
    """Collects notifications of a legacy client and lets a test wait for one."""

    def __init__(self) -> None:
        self.methods: list[str] = []
        self._more = anyio.Event()

    async def __call__(self, message: object) -> None:
        if isinstance(message, types.Notification):
            self.methods.append(message.method)
            self._more.set()
            self._more = anyio.Event()

    async def until(self, method: str) -> None:
        with anyio.fail_after(SECONDS):
            while method not in self.methods:
                await self._more.wait()

    async def next(self, method: str) -> None:
        """Wait for a notification that wasn't waited for before."""
        await self.until(method)
        self.methods.remove(method)


async def _create(client, name: str) -> None:
    result = await client.call_tool("create_prompt", {"name": name, "template": "x"})
    assert not result.is_error


async def _names(client) -> list[str]:
    return [prompt.name for prompt in (await client.list_prompts()).prompts]


async def test_a_legacy_client_hears_of_a_prompt_made_in_another_process(connect):
    inbox = Inbox()
    async with connect("legacy", message_handler=inbox) as reader, connect() as writer:
        assert await _names(reader) == []
        await _create(writer, "fresh")
        # One that was ready early is also told that its process has begun to hear changes.
        while await _names(reader) != ["fresh"]:
            await inbox.next(LISTS)
        await inbox.until("notifications/resources/list_changed")


async def test_a_modern_client_hears_of_a_prompt_made_in_another_process(connect):
    async with connect("auto") as reader, connect("auto") as writer:
        assert await _names(reader) == []
        with anyio.fail_after(SECONDS):
            async with reader.listen(prompts_list_changed=True) as heard:
                await _create(writer, "fresh")
                async for _ in heard:
                    if await _names(reader) == ["fresh"]:
                        break


async def test_a_subscribed_resource_is_said_to_have_changed_in_both_eras(connect):
    inbox = Inbox()
    async with (
        connect("legacy", message_handler=inbox) as legacy,
        connect("auto") as modern,
        connect() as writer,
    ):
        await _create(writer, "watched")
        with pytest.warns(MCPDeprecationWarning):
            await legacy.subscribe_resource("prompt://watched")
        with anyio.fail_after(SECONDS):
            async with modern.listen(resource_subscriptions=["prompt://watched"]) as heard:
                await writer.call_tool("update_prompt", {"name": "watched", "template": "y"})
                async for _ in heard:
                    contents = (await modern.read_resource("prompt://watched")).contents
                    if contents[0].text == "y":
                        break
        await inbox.until("notifications/resources/updated")


@asynccontextmanager
async def _acknowledged(client: Client, inbox: Inbox, era: str) -> AsyncIterator[object]:
    """Subscribe to the list of prompts; yields what waits for its next change."""
    if era == "legacy":
        # Its answer comes after the notification that the client is ready, and what follows it.
        with pytest.warns(MCPDeprecationWarning):
            await client.subscribe_resource("prompt://any")
        yield lambda: inbox.next(LISTS)
        return

    async def told() -> None:
        with anyio.fail_after(SECONDS):
            async for _ in heard:
                return
        raise AssertionError("the stream has ended")

    async with client.listen(prompts_list_changed=True) as heard:
        yield told


async def test_what_commits_while_a_process_starts_is_told_to_who_subscribed(
    connect, database, database_url, era
):
    inbox = Inbox()
    await add_prompt(database, "old")
    async with network_to(database_url) as network:
        network.fall_silent()
        listening = {"DATABASE_LISTEN_URL": network.url}
        async with (
            connect(era, env=listening, message_handler=inbox) as client,
            _acknowledged(client, inbox, era) as told,
        ):
            await add_prompt(database, "fresh")
            network.speak_again()
            await told()
            assert await _names(client) == ["fresh", "old"]


async def test_what_commits_while_a_process_listens_to_nothing_is_told_to_who_subscribed(
    connect, database, database_url, era
):
    inbox = Inbox()
    async with network_to(database_url) as network:
        network.fall_silent()
        listening = {"DATABASE_LISTEN_URL": network.url}
        async with connect(era, env=listening, message_handler=inbox) as client:
            async with _acknowledged(client, inbox, era) as told:
                network.speak_again()
                await told()  # it listens
                network.fall_silent()
                network.cut()
                await told()  # it has noticed that it doesn't
            async with _acknowledged(client, inbox, era) as told:
                await add_prompt(database, "fresh")
                network.speak_again()
                await told()
                assert await _names(client) == ["fresh"]
