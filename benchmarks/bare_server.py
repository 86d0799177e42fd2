"""The baseline: an SDK server that returns constants over stdio."""

import asyncio
import sys

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
PROMPTS = [
    types.Prompt(
        name=f"prompt-{number:05}",
        title=f"Prompt {number}",
        description="A prompt of the benchmark.",
        arguments=[types.PromptArgument(name="topic", required=True)],
    )
    for number in range(COUNT)
]
TEXT = types.TextContent(type="text", text="Write about benchmarks. " * 60)


async def list_prompts(ctx, params):
    return types.ListPromptsResult(prompts=PROMPTS)


async def get_prompt(ctx, params):
    message = types.PromptMessage(role="user", content=TEXT)
    return types.GetPromptResult(description="A prompt of the benchmark.", messages=[message])


async def main() -> None:
    server = Server("bare", on_list_prompts=list_prompts, on_get_prompt=get_prompt)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


asyncio.run(main())
