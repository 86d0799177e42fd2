"""Parameters that aren't what the protocol says: each fault is named, or they are understood."""

from typing import Any

import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, Request
from pydantic import TypeAdapter

from storage.values.entities import Argument


async def ask(client, method, params):
    """Send parameters as they are, whatever the SDK's own types would say."""
    request = Request[dict[str, Any], str](method=method, params=params)
    return await client.session.send_request(request, TypeAdapter(dict[str, Any]))


async def refusal(client, method, params):
    with pytest.raises(MCPError) as refused:
        await ask(client, method, params)
    assert refused.value.code == INVALID_PARAMS
    return refused.value


async def test_values_of_arguments_are_taken_as_json_has_them(client, write):
    await write(
        "typed",
        template="{{count}} {{ratio}} {{loud}} {{name}}.",
        arguments=[
            Argument("count", type="integer"),
            Argument("ratio", type="number"),
            Argument("loud", type="boolean"),
            Argument("name", required=False),
        ],
    )
    arguments = {"count": 3, "ratio": 2.5, "loud": True, "name": None}
    answer = await ask(client, "prompts/get", {"name": "typed", "arguments": arguments})
    assert answer["messages"][0]["content"]["text"] == "3 2.5 true ."


async def test_all_arguments_that_are_no_values_are_named(client, write):
    await write("greeting", template="{{a}}{{b}}{{c}}")
    arguments = {"a": [1], "b": "fine", "c": {"x": 1}}
    refused = await refusal(client, "prompts/get", {"name": "greeting", "arguments": arguments})
    assert refused.data["fields"].keys() == {"arguments.a", "arguments.c"}
    assert "'arguments.a' should be a valid string, not '[1]'" in refused.message


@pytest.mark.parametrize(
    ("method", "params", "said"),
    [
        ("prompts/get", {}, "'name' is missing"),
        ("prompts/get", {"name": 5}, "'name' should be a valid string, not '5'"),
        ("prompts/get", {"name": "a", "arguments": [1]}, "'arguments' should be an object"),
        ("tools/call", {"name": "x", "arguments": [1]}, "'arguments' should be an object"),
        ("tools/call", {"arguments": {}}, "'name' is missing"),
        ("prompts/list", {"cursor": 5}, "'cursor' should be a valid string, not '5'"),
        ("resources/read", {"uri": 7}, "'uri' should be a valid string, not '7'"),
        (
            "completion/complete",
            {"ref": {"type": "x"}, "argument": {"name": "a", "value": 1}},
            '\'ref\' should be a prompt, as {"type": "ref/prompt"',
        ),
        (
            "completion/complete",
            {"ref": {"type": "x"}, "argument": {"name": "a", "value": 1}},
            "'argument.value' should be a valid string, not '1'",
        ),
    ],
)
async def test_what_is_wrong_with_the_parameters_is_said(client, method, params, said):
    refused = await refusal(client, method, params)
    assert refused.message.startswith(f"The parameters of {method} can't be used: ")
    assert said in refused.message
    assert refused.data["kind"] == "invalid"


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "'notifications' is missing"),
        ({"notifications": [1]}, "'notifications' should be an object, not '[1]'"),
        (
            {"notifications": {"resourceSubscriptions": "x"}},
            "'notifications.resourceSubscriptions' should be a valid list, not 'x'",
        ),
    ],
)
async def test_what_is_wrong_with_a_wish_to_listen_is_said(modern, params, said):
    assert said in (await refusal(modern, "subscriptions/listen", params)).message
