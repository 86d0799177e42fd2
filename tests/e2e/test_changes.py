"""A change in one client's process shows up in another client's menu, without a restart."""

import anyio
import mcp_types as types
import pytest
from mcp import MCPDeprecationWarning


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
        with anyio.fail_after(15):
            while method not in self.methods:
                await self._more.wait()


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
        await inbox.until("notifications/prompts/list_changed")
        await inbox.until("notifications/resources/list_changed")
        assert await _names(reader) == ["fresh"]


async def test_a_modern_client_hears_of_a_prompt_made_in_another_process(connect):
    async with connect("auto") as reader, connect("auto") as writer:
        assert await _names(reader) == []
        with anyio.fail_after(15):
            async with reader.listen(prompts_list_changed=True) as heard:
                await _create(writer, "fresh")
                async for _ in heard:
                    break
        assert await _names(reader) == ["fresh"]


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
        with anyio.fail_after(15):
            async with modern.listen(resource_subscriptions=["prompt://watched"]) as heard:
                await writer.call_tool("update_prompt", {"name": "watched", "template": "y"})
                async for _ in heard:
                    break
        await inbox.until("notifications/resources/updated")
        contents = (await modern.read_resource("prompt://watched")).contents
        assert contents[0].text == "y"
