import logging

import anyio
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS

from mcp_server.protocol.server import ServerOptions, build_server
from mcp_server.service.callers import Caller
from mcp_server.service.inputs import PromptInput
from mcp_server.service.views import View
from storage.values.entities import (
    Argument,
    AudioContent,
    EmbeddedResource,
    ImageContent,
    Message,
    ResourceLink,
    TextContent,
)
from storage.values.errors import Unavailable
from storage.values.pages import encode_cursor
from tests.protocol.checking import check_snapshot
from tests.protocol.conftest import open_door
from tests.support.processes import SECONDS
from tests.support.seeing import seen


async def refusal_of(call):
    with pytest.raises(MCPError) as refused:
        await call
    return refused.value


async def test_an_entry_of_the_list_has_the_published_shape(client, write, library, era):
    await write(
        "review",
        title="Code review",
        description="Reviews code.",
        folder="dev/code",
        tags=["review", "code"],
        template="Review this {{language}} code ({{depth}}, {{strict}}):\n\n{{code}}",
        arguments=[
            Argument("language", description="The language", choices=("Python", "Go")),
            Argument("depth", type="integer", default="2", title="Depth"),
            Argument("strict", type="boolean", required=False),
        ],
    )
    await library.labels.set("review@1", "production")
    listed = await client.list_prompts()
    check_snapshot(
        "prompts_list", [p.model_dump(by_alias=True, exclude_none=True) for p in listed.prompts]
    )


async def test_all_prompts_are_on_one_page_without_a_cursor(client, write):
    for number in range(60):
        await write(f"prompt-{number:02}")
    listed = await client.list_prompts()
    assert [prompt.name for prompt in listed.prompts] == [f"prompt-{n:02}" for n in range(60)]
    assert listed.next_cursor is None


async def test_a_page_size_cuts_the_list_into_pages_that_follow_each_other(library, write, era):
    for number in range(5):
        await write(f"prompt-{number}")
    names, sizes, cursor = [], [], None
    async with Client(open_door(library, page_size=2).server, mode=era) as client:
        while cursor is not None or not sizes:
            page = await client.list_prompts(cursor=cursor)
            names += [prompt.name for prompt in page.prompts]
            sizes.append(len(page.prompts))
            cursor = page.next_cursor
    assert names == [f"prompt-{number}" for number in range(5)]
    assert sizes == [2, 2, 1]


@pytest.mark.parametrize("cursor", ["", "forged", "\0", "é" * 100])
async def test_a_forged_cursor_is_refused_with_a_sentence(client, write, cursor):
    await write("greeting")
    for listing in (
        client.list_prompts,
        client.list_resources,
        client.list_tools,
        client.list_resource_templates,
    ):
        refused = await refusal_of(listing(cursor=cursor))
        assert refused.code == INVALID_PARAMS
        assert "is not one that this list gave out" in refused.message


@pytest.mark.parametrize("position", [(5,), (None,), ("a\0",), ("a", "b")])
async def test_a_forged_cursor_whose_check_is_right_is_refused_with_a_sentence(
    client, write, position
):
    await write("greeting")
    refused = await refusal_of(
        client.list_prompts(cursor=encode_cursor(f"published {View()}", position))
    )
    assert refused.code == INVALID_PARAMS
    assert "is not one that this list gave out" in refused.message


async def test_the_list_has_only_what_the_allow_list_admits(database, era):
    everything = seen(database)
    await everything.prompts.create("open", PromptInput(template="a", tags=["public"]))
    await everything.prompts.create("shut", PromptInput(template="b"))
    view = View(tags=("public",))
    door = open_door(seen(database, view=view))
    async with Client(door.server, mode=era) as client:
        assert [prompt.name for prompt in (await client.list_prompts()).prompts] == ["open"]
        assert len((await client.list_resources()).resources) == 1
        refused = await refusal_of(client.get_prompt("shut"))
    assert refused.code == INVALID_PARAMS


async def test_a_reference_says_which_version_is_rendered(client, write, library):
    await write("greeting", template="one {{name}}")
    await library.prompts.update("greeting", PromptInput(template="two {{name}}"))
    await library.prompts.update("greeting", PromptInput(template="three {{name}}"))
    await library.labels.set("greeting@1", "production")
    await library.labels.set("greeting@2", "staging")
    served = {
        reference: (await client.get_prompt(reference, {"name": "Ada"})).messages[0].content.text
        for reference in (
            "greeting",
            "greeting@2",
            "greeting@staging",
            "greeting@latest",
            "greeting@branch:main",
        )
    }
    assert served == {
        "greeting": "one Ada",
        "greeting@2": "two Ada",
        "greeting@staging": "two Ada",
        "greeting@latest": "three Ada",
        "greeting@branch:main": "three Ada",
    }


async def test_a_rendered_prompt_tells_its_version_and_labels(client, write, library):
    await write("greeting", description="Says hello.", template="Hello {{name}}")
    await library.labels.set("greeting@1", "production")
    got = await client.get_prompt("greeting", {"name": "Ada"})
    assert got.description == "Says hello."
    assert [(m.role, m.content.text) for m in got.messages] == [("user", "Hello Ada")]
    assert {key: got.meta[key] for key in got.meta if key.startswith("promptstack/")} == {
        "promptstack/name": "greeting",
        "promptstack/version": 1,
        "promptstack/labels": ["production"],
    }


@pytest.mark.parametrize("arguments", [None, {}, {"tone": ""}, {"tone": "", "unasked": "1"}])
async def test_arguments_that_are_absent_empty_or_unknown_do_no_harm(
    client, write, arguments, caplog
):
    await write(
        "greeting",
        template="Hello{{tone}}",
        arguments=[Argument("tone", required=False, default="!")],
    )
    caplog.set_level(logging.INFO, logger="mcp_server.protocol.prompts")
    got = await client.get_prompt("greeting", arguments)
    assert got.messages[0].content.text == "Hello!"
    assert ("unasked" in caplog.text) == ("unasked" in (arguments or {}))


async def test_placeholders_of_other_programs_are_values_like_any_other(client, write):
    await write("greeting", template="Hello {{name}}")
    got = await client.get_prompt("greeting", {"name": "$1"})
    assert got.messages[0].content.text == "Hello $1"


@pytest.mark.parametrize("arguments", [None, {"second": ""}])
async def test_missing_arguments_are_all_named_at_once(client, write, arguments):
    await write("pair", template="{{first}} and {{second}}")
    refused = await refusal_of(client.get_prompt("pair", arguments))
    assert refused.code == INVALID_PARAMS
    assert "'first' is missing" in refused.message
    assert "'second' is missing" in refused.message
    assert refused.data["kind"] == "invalid"
    assert refused.data["name"] == "pair"
    assert set(refused.data["fields"]) == {"first", "second"}


async def test_an_unknown_prompt_is_answered_with_the_nearest_names(client, write):
    await write("greeting")
    refused = await refusal_of(client.get_prompt("greting"))
    assert refused.code == INVALID_PARAMS
    assert "Did you mean 'greeting'?" in refused.message
    assert refused.data == {"kind": "not_found", "name": "greting", "nearest": ["greeting"]}


async def test_an_archived_prompt_is_refused_by_every_reference(client, write, library):
    await write("greeting")
    await library.prompts.archive("greeting")
    for reference in ("greeting", "greeting@1", "greeting@latest"):
        refused = await refusal_of(client.get_prompt(reference))
        assert refused.code == INVALID_PARAMS
        assert "archived" in refused.message


@pytest.mark.parametrize(
    ("name", "value"), [("greeting", "nul\0"), ("greeting", "\ud800"), ("nul\0", "Ada")]
)
async def test_text_that_cannot_be_stored_is_the_callers_to_mend(modern, write, name, value):
    await write("greeting", template="Hello {{name}}")
    refused = await refusal_of(modern.get_prompt(name, {"name": value}))
    assert refused.code == INVALID_PARAMS
    assert refused.data["kind"] == "invalid"


async def test_system_text_stands_in_front_of_the_first_user_message(client, write):
    await write(
        "reviewer",
        messages=[
            Message("system", TextContent("Be {{mood}}.")),
            Message("user", TextContent("Review.")),
            Message("assistant", TextContent("Fine.")),
            Message("system", TextContent("Be brief.")),
        ],
    )
    got = await client.get_prompt("reviewer", {"mood": "kind"})
    assert [(message.role, message.content.text) for message in got.messages] == [
        ("user", "Be kind.\n\nBe brief.\n\nReview."),
        ("assistant", "Fine."),
    ]


async def test_every_kind_of_content_arrives_as_the_protocols_own(client, write):
    contents = [
        ImageContent("aW1n", "image/png"),
        AudioContent("c25k", "audio/wav"),
        EmbeddedResource("file:///a.txt", "text/plain", text="for {{name}}"),
        EmbeddedResource("file:///a.bin", "application/octet-stream", blob="YmluYXJ5"),
        ResourceLink("https://example.org/", "example", mime_type="text/html"),
    ]
    await write("mixed", messages=[Message("user", content) for content in contents])
    got = await client.get_prompt("mixed", {"name": "Ada"})
    assert [
        message.content.model_dump(by_alias=True, exclude_none=True) for message in got.messages
    ] == [
        {"type": "image", "data": "aW1n", "mimeType": "image/png"},
        {"type": "audio", "data": "c25k", "mimeType": "audio/wav"},
        {
            "type": "resource",
            "resource": {"uri": "file:///a.txt", "mimeType": "text/plain", "text": "for Ada"},
        },
        {
            "type": "resource",
            "resource": {
                "uri": "file:///a.bin",
                "mimeType": "application/octet-stream",
                "blob": "YmluYXJ5",
            },
        },
        {
            "type": "resource_link",
            "uri": "https://example.org/",
            "name": "example",
            "mimeType": "text/html",
        },
    ]


async def test_a_library_that_is_away_says_so_and_the_handshake_still_works(era):
    async def ready():
        raise Unavailable("The database can't be reached. Try again in a moment.")

    door = build_server(ready, ServerOptions("1", Caller("ada")))
    async with Client(door.server, mode=era) as client:
        refused = await refusal_of(client.get_prompt("greeting"))
        failed = await client.call_tool("search_prompts", {})
    assert (refused.code, refused.message) == (
        INTERNAL_ERROR,
        "The database can't be reached. Try again in a moment.",
    )
    assert failed.is_error
    assert "Try again" in failed.content[0].text


async def test_the_handshake_and_the_tools_do_not_wait_for_the_library(era):
    async def ready():
        await anyio.sleep_forever()

    door = build_server(ready, ServerOptions("1.2.3", Caller("ada")))
    with anyio.fail_after(SECONDS):
        async with Client(door.server, mode=era) as client:
            assert (await client.list_tools()).tools
            assert client.instructions


async def test_the_server_says_who_it_is_and_what_it_can_do(door, era):
    async with Client(door.server, mode=era) as client:
        capabilities = client.server_capabilities
        assert client.server_info.name == "promptstack"
        assert client.server_info.version == "1.2.3"
        assert capabilities.prompts.list_changed
        assert capabilities.resources.list_changed
        assert capabilities.resources.subscribe
        assert capabilities.completions is not None
        assert capabilities.tools is not None


async def test_a_request_says_for_which_model_and_for_whom_it_reads(client, write, library):
    said = [Message("user", TextContent("Claude"))]
    await write("greeting", variants={"claude-*": said})
    await library.prompts.update("greeting", PromptInput(template="two"))
    await library.labels.set("greeting", "production", {1: 50, 2: 50})
    got = [
        await client.session.get_prompt(
            "greeting", meta={"promptstack/key": f"user-{n}", "promptstack/model_type": "claude-4"}
        )
        for n in range(20)
    ]
    assert {each.messages[0].content.text for each in got} == {"Claude"}
    assert {each.meta["promptstack/version"] for each in got} == {1, 2}
    assert {each.meta["promptstack/label"] for each in got} == {"production"}
    assert {each.meta["promptstack/variant"] for each in got} == {"claude-*"}
