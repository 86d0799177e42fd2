import json

import jsonschema
import pytest
from mcp import Client

from mcp_server.protocol.instructions import instructions
from mcp_server.protocol.tools.table import TOOLS, offered
from mcp_server.service.listing import MOST_WHOLE, PAGE
from mcp_server.service.views import View
from tests.protocol.checking import FOLDER, check_snapshot
from tests.protocol.conftest import open_door
from tests.support.seeing import seen

DECLARATIONS = {name: tool.declaration for name, tool in TOOLS.items()}
SCHEMAS = [
    pytest.param(declaration[key], id=f"{name}-{key}")
    for name, declaration in DECLARATIONS.items()
    for key in ("inputSchema", "outputSchema")
]
WRITING = {
    "create_prompt",
    "update_prompt",
    "restore_version",
    "set_label",
    "create_branch",
    "merge_branch",
    "archive_prompt",
}


def nodes(schema, path="$"):
    """Walk every schema inside a schema, with its path."""
    yield path, schema
    for name, each in schema.get("properties", {}).items():
        yield from nodes(each, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from nodes(schema[key], f"{path}[{key}]")


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_is_what_its_snapshot_says(name):
    check_snapshot(name, DECLARATIONS[name])


def test_there_is_no_snapshot_without_its_subject():
    assert {path.stem for path in FOLDER.glob("*.json")} == {*TOOLS, "prompts_list"}


def test_there_are_at_most_fourteen_tools_with_names_and_titles_of_their_own():
    assert len(TOOLS) <= 14
    assert len({declaration["title"] for declaration in DECLARATIONS.values()}) == len(TOOLS)


@pytest.mark.parametrize("declaration", DECLARATIONS.values(), ids=DECLARATIONS)
def test_a_tool_describes_itself_within_what_clients_show(declaration):
    assert declaration["title"]
    assert 300 <= len(declaration["description"].encode()) <= 2048
    assert declaration["description"] == declaration["description"].strip()
    hints = {key for key in declaration["annotations"] if key.endswith("Hint")}
    assert hints == {"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"}
    assert all(isinstance(declaration["annotations"][hint], bool) for hint in hints)
    reads = declaration["annotations"]["readOnlyHint"]
    assert not (reads and declaration["annotations"]["destructiveHint"])


def test_the_hints_say_which_tools_write():
    assert {tool.name for tool in TOOLS.values() if tool.writes} == WRITING


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_schema_is_plain_and_describes_every_property(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    written = json.dumps(schema)
    for keyword in ('"$ref"', '"$defs"', '"anyOf"', '"oneOf"', '"allOf"', '"null"'):
        assert keyword not in written
    for path, node in nodes(schema):
        for name, each in node.get("properties", {}).items():
            assert each.get("description"), f"{path}.{name} isn't described"
        if "properties" in node:
            assert node["additionalProperties"] is False, path


@pytest.mark.parametrize("view", [View(), View(read_only=True)])
def test_the_instructions_fit_what_clients_show(view):
    text = instructions(view)
    assert len(text.encode()) < 2048
    assert f"more than {MOST_WHOLE:,} prompts" in text
    assert f"in pages of {PAGE:,}" in text
    mentioned = {name for name in TOOLS if name in text}
    assert mentioned == {tool.name for tool in offered(view.read_only)}


async def test_a_server_that_only_reads_lists_no_tool_that_writes(database, era):
    door = open_door(seen(database, view=View(read_only=True)))
    async with Client(door.server, mode=era) as client:
        listed = {tool.name for tool in (await client.list_tools()).tools}
    assert listed == set(TOOLS) - WRITING


async def test_tools_are_listed_in_the_same_order_every_time(client):
    first, second = [
        [tool.name for tool in (await client.list_tools(cache_mode="bypass")).tools]
        for _ in range(2)
    ]
    assert first == second == list(TOOLS)
