import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from mcp_server.service.inputs import PromptInput
from mcp_server.service.views import View
from storage.values.entities import Argument, ImageContent, Message, TextContent
from tests.protocol.calling import REVIEW, call, failure, outcome
from tests.protocol.conftest import open_door
from tests.protocol.test_surface import WRITING
from tests.support.seeing import as_, seen


async def test_a_created_prompt_reads_back_as_it_was_written(client):
    created = await outcome(client, "create_prompt", **REVIEW)
    read = await outcome(client, "get_prompt", reference="review")
    assert created == {**read, "new_version": True, "changed": True, "warnings": []}
    for key in ("id", "created_at", "updated_at"):
        assert read.pop(key)
    assert read == {
        **REVIEW,
        "arguments": [
            {"name": "code", "required": True, "type": "string"},
            {
                "name": "language",
                "required": False,
                "type": "string",
                "choices": ["Python", "Go"],
                "default": "Python",
            },
        ],
        "template_format": "simple",
        "variants": {},
        "includes": [],
        "version": 1,
        "latest_version": 1,
        "branch": "main",
        "labels": {},
        "branches": {"main": 1},
        "created_by": "ada",
    }


async def test_messages_of_every_kind_read_back_as_they_were_written(client):
    messages = [
        {"role": "system", "content": {"type": "text", "text": "Be {{mood}}."}},
        {"role": "user", "content": {"type": "image", "data": "aW1n", "mime_type": "image/png"}},
        {"role": "user", "content": {"type": "audio", "data": "c25k", "mime_type": "audio/wav"}},
        {"role": "user", "content": {"type": "resource", "uri": "file:///a", "text": "a"}},
        {
            "role": "assistant",
            "content": {"type": "resource_link", "uri": "https://example.org/", "name": "b"},
        },
    ]
    variants = {"claude-*": [{"role": "user", "content": {"type": "text", "text": "Hi"}}]}
    await call(client, "create_prompt", name="mixed", messages=messages, variants=variants)
    read = await outcome(client, "get_prompt", reference="mixed")
    assert read["messages"] == messages
    assert read["variants"] == variants
    assert "template" not in read


async def test_the_text_of_a_read_prompt_says_what_matters(client, write, library):
    await write("greeting", title="Greeting", template="Hello {{name}}", tags=["a", "b"])
    await as_("bob", library).prompts.update("greeting", PromptInput(template="Hi {{name}}"))
    await library.labels.set("greeting@1", "production")
    text = (await call(client, "get_prompt", reference="greeting")).content[0].text
    assert text == (
        "greeting “Greeting”, version 1 (newest of main: 2), by ada\n"
        "Folder: (root). Tags: a, b. Labels: production → 1.\n"
        "Arguments: name (required)\n"
        "\n"
        "Hello {{name}}"
    )


async def test_a_rendered_prompt_has_its_blanks_filled(client, write):
    await write(
        "greeting",
        messages=[
            Message("system", TextContent("Be {{mood}}.")),
            Message("user", TextContent("Hello {{name}}, {{count}} times")),
        ],
        arguments=[Argument("count", type="integer"), Argument("mood", default="kind")],
    )
    result = await call(
        client, "render_prompt", reference="greeting@1", arguments={"name": "Ada", "count": 3}
    )
    assert result.structured_content == {
        "name": "greeting",
        "version": 1,
        "messages": [
            {"role": "system", "content": {"type": "text", "text": "Be kind."}},
            {"role": "user", "content": {"type": "text", "text": "Hello Ada, 3 times"}},
        ],
    }
    assert result.content[0].text == "[system]\nBe kind.\n\n[user]\nHello Ada, 3 times"


async def test_a_single_rendered_text_stands_alone(client, write):
    await write("greeting", template="Hello {{name}}")
    result = await call(client, "render_prompt", reference="greeting", arguments={"name": "Ada"})
    assert result.content[0].text == "Hello Ada"


async def test_arguments_that_miss_or_do_not_fit_are_all_named_at_once(client, write):
    await write(
        "greeting",
        template="{{name}} {{count}} {{tone}}",
        arguments=[Argument("count", type="integer"), Argument("tone", choices=("dry", "warm"))],
    )
    sentence, data = await failure(
        client,
        "render_prompt",
        {"reference": "greeting", "arguments": {"count": "x", "tone": "wet", "nmae": "Ada"}},
    )
    for named in ("'name' is missing", "'count'", "'tone'", "'nmae' is unknown"):
        assert named in sentence
    assert set(data["fields"]) == {"name", "count", "tone", "nmae"}
    assert data["kind"] == "invalid"


async def test_search_finds_by_words_and_filters(client, write, library):
    await write("review", title="Code review", tags=["dev", "python"], folder="team/dev")
    await write("summary", description="Summarises a text.", tags=["text"], model_type="gpt-4")
    await library.labels.set("review@1", "production")

    async def names(**arguments):
        return [
            hit["name"] for hit in (await outcome(client, "search_prompts", **arguments))["items"]
        ]

    assert await names() == ["review", "summary"]
    assert await names(query="code") == ["review"]
    assert await names(tags=["dev", "python"]) == ["review"]
    assert await names(tags=["dev", "text"]) == []
    assert await names(folder="team") == ["review"]
    assert await names(model_type="gpt-4") == ["summary"]
    assert await names(label="production") == ["review"]
    assert await names(min_version=2) == []


async def test_search_leads_from_page_to_page(client, write):
    for number in range(3):
        await write(f"prompt-{number}")
    first = await call(client, "search_prompts", limit=2)
    cursor = first.structured_content["next_cursor"]
    assert f"call again with cursor {cursor}" in first.content[0].text
    last = await outcome(client, "search_prompts", limit=2, cursor=cursor)
    assert [hit["name"] for hit in last["items"]] == ["prompt-2"]
    assert "next_cursor" not in last
    sentence, data = await failure(client, "search_prompts", {"tags": ["other"], "cursor": cursor})
    assert "is not one that this list gave out" in sentence
    assert data["kind"] == "invalid"


async def test_a_search_that_finds_nothing_says_what_to_try(client):
    result = await call(client, "search_prompts", query="unicorn")
    assert result.structured_content == {"items": []}
    assert "Nothing matches" in result.content[0].text


async def test_an_update_writes_a_version_and_leaves_the_rest_alone(client):
    await call(client, "create_prompt", **REVIEW)
    saved = await outcome(
        client,
        "update_prompt",
        name="review",
        template="Look at this {{language}} code: {{code}}",
        expected_version=1,
        commit_message="Shorter",
    )
    assert (saved["version"], saved["new_version"], saved["commit_message"]) == (2, True, "Shorter")
    assert saved["title"] == "Code review"
    assert saved["model_config"] == REVIEW["model_config"]
    assert [argument.get("choices") for argument in saved["arguments"]] == [None, ["Python", "Go"]]


async def test_an_update_of_the_title_alone_writes_no_version(client):
    await call(client, "create_prompt", **REVIEW)
    result = await call(client, "update_prompt", name="review", title="")
    assert "title" not in result.structured_content
    assert result.structured_content["new_version"] is False
    assert result.structured_content["changed"] is True
    assert "so it stays at 1" in result.content[0].text
    same = await call(client, "update_prompt", name="review", tags=["review"])
    assert same.structured_content["changed"] is False


@pytest.mark.parametrize("nothing", [{"title": None}, {"template": None, "messages": None}])
async def test_null_counts_as_left_out(client, nothing):
    await call(client, "create_prompt", **REVIEW)
    saved = await outcome(client, "update_prompt", name="review", **nothing)
    assert saved["changed"] is False
    assert saved["title"] == "Code review"


async def test_a_write_to_an_older_version_fails_and_names_the_newer(client):
    await call(client, "create_prompt", **REVIEW)
    await call(client, "update_prompt", name="review", template="two")
    sentence, data = await failure(
        client, "update_prompt", {"name": "review", "template": "three", "expected_version": 1}
    )
    assert "version 2" in sentence
    assert data == {"kind": "conflict", "current_version": 2}
    assert (await outcome(client, "get_prompt", reference="review"))["version"] == 2


async def test_a_taken_name_fails_and_says_what_to_do(client):
    await call(client, "create_prompt", **REVIEW)
    sentence, data = await failure(client, "create_prompt", REVIEW)
    assert "already exists" in sentence
    assert data["kind"] == "conflict"


async def test_an_unknown_prompt_fails_with_the_nearest_names(client, write):
    await write("greeting")
    for name, arguments in (
        ("get_prompt", {"reference": "greting"}),
        ("update_prompt", {"name": "greting", "template": "x"}),
        ("list_versions", {"name": "greting"}),
        ("archive_prompt", {"name": "greting"}),
    ):
        sentence, data = await failure(client, name, arguments)
        assert "greeting" in sentence
        assert data == {"kind": "not_found", "nearest": ["greeting"]}


async def test_archived_prompts_are_found_where_they_are_asked_for(client, write, library):
    for name in ("kept", "gone"):
        await write(name, template="A text of mine")
    await library.prompts.archive("gone")
    for arguments in ({"query": "text"}, {}):
        found = await outcome(client, "search_prompts", archived=True, **arguments)
        assert [hit["name"] for hit in found["items"]] == ["gone"]
        found = await outcome(client, "search_prompts", **arguments)
        assert [hit["name"] for hit in found["items"]] == ["kept"]


async def test_a_server_that_only_reads_suggests_no_tool_that_writes(database, library, write, era):
    await write("gone")
    await library.prompts.archive("gone")
    reading = seen(database, view=View(read_only=True))
    async with Client(open_door(reading).server, mode=era) as client:
        with pytest.raises(MCPError) as refused:
            await client.call_tool("set_labell", {})
        assert not WRITING & set(refused.value.message.replace(",", "").split())
        sentence, _ = await failure(client, "get_prompt", {"reference": "gone"})
    assert "Ask for it to be restored" in sentence


@pytest.mark.parametrize(
    ("tool", "arguments", "field"),
    [
        ("update_prompt", {"name": "review", "expected_version": True}, "expected_version"),
        ("search_prompts", {"limit": True}, "limit"),
        ("search_prompts", {"min_version": True}, "min_version"),
    ],
)
async def test_true_is_no_number(client, tool, arguments, field):
    sentence, data = await failure(client, tool, arguments)
    assert f"'{field}' should be a valid integer, not 'True'" in sentence
    assert data["fields"].keys() == {field}


async def test_everything_wrong_with_the_arguments_is_said_at_once(client):
    sentence, data = await failure(
        client,
        "create_prompt",
        {"nmae": "review", "tags": "review", "messages": [{"role": "robot"}], "arguments": [{}]},
    )
    assert set(data["fields"]) == {
        "name",
        "nmae",
        "tags",
        "messages[0].role",
        "messages[0].content",
        "arguments[0].name",
    }
    assert "'nmae' is unknown. Did you mean 'name'?" in sentence
    assert "'name' is missing" in sentence


@pytest.mark.parametrize("arguments", [None, {}])
async def test_a_call_without_arguments_names_what_is_missing(client, arguments):
    result = await client.call_tool("get_prompt", arguments)
    assert result.is_error
    assert "'reference' is missing" in result.content[0].text


@pytest.mark.parametrize(
    "fields",
    [
        {"template": "nul\0"},
        {"template": "a", "title": "nul\0"},
        {"template": "a", "model_config": {"a": "nul\0"}},
        {"messages": [{"role": "user", "content": {"type": "text"}}]},
        {"messages": []},
        {"template": "a", "messages": [{"role": "user", "content": "b"}]},
        {},
    ],
)
async def test_content_that_cannot_be_kept_is_refused(client, fields):
    sentence, data = await failure(client, "create_prompt", {"name": "bad", **fields})
    assert data["kind"] == "invalid"
    assert sentence.endswith(".")


async def test_what_models_commonly_write_is_understood(client):
    created = await outcome(
        client,
        "create_prompt",
        name="loose",
        messages=[{"role": "user", "content": "Hello {{name}} {{count}}"}],
        arguments='[{"name": "count", "type": "integer", "default": 3}]',
        tags='["a"]',
    )
    assert created["template"] == "Hello {{name}} {{count}}"
    assert created["tags"] == ["a"]
    assert created["arguments"][1]["default"] == "3"
    rendered = await call(client, "render_prompt", reference="loose", arguments='{"name": "Ada"}')
    assert rendered.content[0].text == "Hello Ada 3"
    found = await outcome(client, "search_prompts", limit="1", tags='["a"]')
    assert len(found["items"]) == 1


async def test_text_in_a_template_that_looks_like_json_stays_text(client):
    created = await outcome(client, "create_prompt", name="json", template='["{{a}}"]')
    assert created["template"] == '["{{a}}"]'


async def test_an_unknown_tool_is_the_clients_mistake(client):
    with pytest.raises(MCPError) as refused:
        await client.call_tool("get_promt", {})
    assert refused.value.code == INVALID_PARAMS
    assert "Did you mean 'get_prompt'" in refused.value.message
    assert refused.value.data["nearest"][0] == "get_prompt"


async def test_a_server_that_only_reads_refuses_to_write(database, era):
    await seen(database).prompts.create("greeting", PromptInput(template="a"))
    view = View(read_only=True)
    door = open_door(seen(database, view=view))
    async with Client(door.server, mode=era) as client:
        for name in WRITING:
            sentence, data = await failure(client, name, {"name": "greeting"})
            assert "--read-only" in sentence
            assert data == {"kind": "forbidden"}
        assert (await outcome(client, "get_prompt", reference="greeting"))["version"] == 1


async def test_a_picture_is_named_in_words(client, write):
    await write("picture", messages=[Message("user", ImageContent("aW1n", "image/png"))])
    result = await call(client, "render_prompt", reference="picture")
    assert result.content[0].text == "(image: image/png)"


async def test_writes_are_signed_by_the_servers_actor(client, library):
    await call(client, "create_prompt", name="greeting", template="a")
    assert (await library.prompts.get("greeting")).version.created_by == "ada"
