"""The baselines over HTTP: an SDK server and a FastAPI route that return constants.

python -m benchmarks.bare_http PORT [COUNT]
"""

import contextlib
import sys

import mcp_types as types
import uvicorn
from fastapi import FastAPI
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from pydantic import BaseModel
from starlette.routing import Route

PORT = int(sys.argv[1])
COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
TEXT = "Write about benchmarks. " * 60


async def list_prompts(ctx, params):
    """Build the list anew each time, as a server does whose list may change."""
    return types.ListPromptsResult(
        prompts=[
            types.Prompt(
                name=f"prompt-{number:05}",
                title=f"Prompt {number}",
                description="A prompt of the benchmark.",
                arguments=[types.PromptArgument(name="topic", required=True)],
            )
            for number in range(COUNT)
        ]
    )


async def get_prompt(ctx, params):
    message = types.PromptMessage(role="user", content=types.TextContent(type="text", text=TEXT))
    return types.GetPromptResult(description="A prompt of the benchmark.", messages=[message])


class Argument(BaseModel):
    name: str
    required: bool
    type: str


class Prompt(BaseModel):
    """What REST answers of a prompt, field by field."""

    id: str
    name: str
    title: str
    description: str
    folder: str
    tags: list[str]
    version: int
    latest_version: int
    branch: str
    labels: dict[str, int]
    template: str
    content: str
    template_format: str
    arguments: list[Argument]
    variants: dict[str, str]
    created_by: str
    created_at: str
    updated_at: str


PROMPT = Prompt(
    id="01a206d8-577f-73db-b2a6-8226b8304522",
    name="prompt-00000",
    title="Prompt 0",
    description="A prompt of the benchmark.",
    folder="",
    tags=[],
    version=1,
    latest_version=1,
    branch="main",
    labels={},
    template=TEXT,
    content=TEXT,
    template_format="simple",
    arguments=[Argument(name="topic", required=True, type="string")],
    variants={},
    created_by="bench",
    created_at="2026-11-23T05:19:31.204738Z",
    updated_at="2026-11-23T05:19:31.216745Z",
)

server = Server("bare", on_list_prompts=list_prompts, on_get_prompt=get_prompt)
sessions = StreamableHTTPSessionManager(server, json_response=True)


@contextlib.asynccontextmanager
async def lifespan(app):
    async with sessions.run():
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/prompts/{name}")
async def get(name: str) -> Prompt:
    return PROMPT


class Mcp:
    async def __call__(self, scope, receive, send):
        await sessions.handle_request(scope, receive, send)


app.router.routes.insert(0, Route("/mcp", Mcp(), methods=["GET", "POST", "DELETE"]))
uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning", access_log=False)
