import json

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from mcp_server.service.inputs import PromptInput
from mcp_server.service.terms import Terms
from storage.values.entities import (
    EmbeddedResource,
    ImageContent,
    Message,
    ResourceLink,
    TextContent,
)
from tests.support.seeing import as_


async def text_of(client, uri):
    return (await client.read_resource(uri)).contents[0].text


async def test_only_what_is_served_is_listed(client, write, library):
    await write("greeting", title="Greeting", description="Says hello.")
    await library.prompts.update("greeting", PromptInput(template="newer"))
    listed = (await client.list_resources()).resources
    assert [each.model_dump(by_alias=True, exclude_none=True) for each in listed] == [
        {
            "uri": "prompt://greeting",
            "name": "greeting",
            "title": "Greeting",
            "description": "Says hello.",
            "mimeType": "text/markdown",
            "_meta": {"promptstack/version": 2},
        }
    ]


async def test_versions_labels_and_history_are_found_by_template(client):
    templates = (await client.list_resource_templates()).resource_templates
    assert [template.uri_template for template in templates] == [
        "prompt://{name}",
        "prompt://{name}/versions/{version}",
        "prompt://{name}/labels/{label}",
        "prompt://{name}/history",
    ]
    assert all(template.description and template.mime_type for template in templates)


async def test_each_uri_reads_the_version_that_it_means(client, write, library):
    await write("greeting", template="one {{name}}")
    await library.prompts.update("greeting", PromptInput(template="two {{name}}"))
    await library.labels.set("greeting@1", "production")
    assert await text_of(client, "prompt://greeting") == "one {{name}}"
    assert await text_of(client, "prompt://greeting/versions/2") == "two {{name}}"
    assert await text_of(client, "prompt://greeting/labels/production") == "one {{name}}"
    assert await text_of(client, "prompt://greeting/labels/latest") == "two {{name}}"


async def test_a_history_lists_the_versions_newest_first(client, write, library):
    await write("greeting")
    await as_("bob", library).prompts.update(
        "greeting", PromptInput(template="two"), terms=Terms(commit_message="Shorter")
    )
    await library.labels.set("greeting@1", "production")
    read = (await client.read_resource("prompt://greeting/history")).contents[0]
    items = json.loads(read.text)["items"]
    assert read.mime_type == "application/json"
    assert [(each["version"], each["created_by"], each["labels"]) for each in items] == [
        (2, "bob", []),
        (1, "ada", ["production"]),
    ]
    assert items[0]["commit_message"] == "Shorter"
    assert items[0]["created_at"].endswith("Z")


async def test_several_messages_read_as_text_with_roles_and_attachments(client, write):
    await write(
        "mixed",
        messages=[
            Message("system", TextContent("Be kind.")),
            Message("user", ImageContent("aW1n", "image/png")),
            Message("user", EmbeddedResource("file:///a.txt", "text/plain", text="attached")),
            Message("assistant", ResourceLink("https://example.org/", "example")),
        ],
    )
    contents = (await client.read_resource("prompt://mixed")).contents
    assert contents[0].text == (
        "## system\n\nBe kind.\n\n## user\n\n[image: image/png]\n\n## user\n\n"
        "[resource: file:///a.txt]\n\n## assistant\n\n[example](https://example.org/)"
    )
    assert [each.model_dump(by_alias=True, exclude_none=True) for each in contents[1:]] == [
        {"uri": "prompt://mixed#2", "mimeType": "image/png", "blob": "aW1n"},
        {"uri": "file:///a.txt", "mimeType": "text/plain", "text": "attached"},
    ]


@pytest.mark.parametrize(
    "uri",
    [
        "prompt://nobody",
        "prompt://greeting/versions/9",
        "prompt://greeting/versions/x",
        "prompt://greeting/versions/1/",
        "prompt://greeting/labels/nobody",
        "prompt://greeting/labels/1",
        "prompt://greeting/labels/branch:main",
        "prompt://greeting@1",
        "prompt://greeting%401",
        "prompt://greeting?version=1",
        "prompt://Greeting",
        "prompt://../greeting",
        "prompt://",
        "file:///etc/passwd",
        "",
        "prompt://nul\0",
    ],
)
async def test_a_uri_that_means_nothing_is_refused_with_a_sentence(client, write, uri):
    await write("greeting")
    with pytest.raises(MCPError) as refused:
        await client.read_resource(uri)
    assert refused.value.code == INVALID_PARAMS
    assert refused.value.message.endswith((".", "?"))
    assert refused.value.data["uri"] == uri


async def test_only_a_version_named_by_number_may_be_kept_by_clients(modern, write, library):
    await write("greeting")
    await library.labels.set("greeting@1", "production")
    lives = {
        uri: ((await modern.read_resource(uri)).ttl_ms > 0)
        for uri in (
            "prompt://greeting",
            "prompt://greeting/labels/production",
            "prompt://greeting/history",
            "prompt://greeting/versions/1",
        )
    }
    assert lives == {
        "prompt://greeting": False,
        "prompt://greeting/labels/production": False,
        "prompt://greeting/history": False,
        "prompt://greeting/versions/1": True,
    }
    assert (await modern.list_prompts()).ttl_ms == 0
    assert (await modern.list_resources()).ttl_ms == 0


async def test_no_answer_may_be_shared_between_users(modern, write):
    await write("greeting")
    answers = [
        await modern.list_prompts(),
        await modern.list_resources(),
        await modern.list_resource_templates(),
        await modern.list_tools(),
        await modern.read_resource("prompt://greeting"),
        await modern.read_resource("prompt://greeting/versions/1"),
    ]
    assert {answer.cache_scope for answer in answers} == {"private"}


async def test_what_never_changes_says_nothing_that_does(modern, write, library):
    await write("greeting")
    await library.labels.set("greeting@1", "production")
    fixed = (await modern.read_resource("prompt://greeting/versions/1")).contents[0]
    moving = (await modern.read_resource("prompt://greeting")).contents[0]
    assert fixed.meta == {"promptstack/name": "greeting", "promptstack/version": 1}
    assert moving.meta == {**fixed.meta, "promptstack/labels": ["production"]}


async def test_a_client_with_a_cache_reads_a_moved_label_at_once(door, write, library):
    await write("greeting", template="one")
    async with Client(door.server) as client:
        assert await text_of(client, "prompt://greeting") == "one"
        await library.prompts.update("greeting", PromptInput(template="two"))
        assert await text_of(client, "prompt://greeting") == "two"
