"""Calling tools, and what every call has to satisfy."""

import jsonschema

from mcp_server.protocol.tools.table import TOOLS


async def call(client, tool, /, **arguments):
    """Call a tool that succeeds; its structure has to be what its schema says."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content[0].text
    jsonschema.validate(
        result.structured_content,
        TOOLS[tool].declaration["outputSchema"],
        format_checker=jsonschema.FormatChecker(),
    )
    assert result.content[0].text
    return result


async def outcome(client, tool, /, **arguments):
    return (await call(client, tool, **arguments)).structured_content


async def failure(client, name, arguments):
    """Call a tool that fails; return its sentence and its data."""
    result = await client.call_tool(name, arguments)
    assert result.is_error
    assert result.structured_content is None
    assert [content.type for content in result.content] == ["text"]
    return result.content[0].text, result.meta["promptstack/error"]


REVIEW = {
    "name": "review",
    "title": "Code review",
    "description": "Reviews code.",
    "folder": "dev",
    "tags": ["review"],
    "template": "Review this {{language}} code:\n\n{{code}}",
    "arguments": [{"name": "language", "choices": ["Python", "Go"], "default": "Python"}],
    "model_type": "gpt-4",
    "model_config": {"temperature": 0.2, "stop": None},
    "commit_message": "First",
}
