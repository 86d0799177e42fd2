"""A conversation with this server as an assistant would hold it: a process, two pipes, MCP."""

import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from mcp_server.cli.printing import counted

if TYPE_CHECKING:
    from mcp import Client

_PATIENCE_SECONDS = 60.0
_TAIL = 2_000


class ConversationFailed(Exception):
    """A failure between client and server, described in a sentence."""


@dataclass(slots=True)
class Conversation:
    """The server's answers in figures; `noise` holds the lines on its output that aren't MCP."""

    protocol_version: str = ""
    first_answer_seconds: float = 0.0
    prompts: int = 0
    has_more: bool = False
    tools: int = 0
    noise: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"speaks {self.protocol_version}, answers {self.first_answer_seconds:.2f} s after its "
            f"start: {counted(self.prompts, 'prompt')}{' and more' if self.has_more else ''}, "
            f"{counted(self.tools, 'tool')}, completion"
        )


async def converse(command: Sequence[str], *, legacy: bool) -> Conversation:
    """Start the server and send a typical client's requests; none of them writes.

    `legacy` opens with the handshake of the protocol up to 2025-11-25, as most clients do.

    Raises:
        ConversationFailed: the server didn't answer as it should.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                conversation = await _converse(command, "legacy" if legacy else "auto", log)
        except Exception as error:  # the doctor reports every failure
            raise ConversationFailed(f"{_reason(error)} {_tail(log)}".strip()) from error
    if conversation.noise:
        raise ConversationFailed(
            f"The server wrote what isn't MCP to its standard output: {conversation.noise[0]}"
        )
    return conversation


async def _converse(command: Sequence[str], mode: str, log: TextIO) -> Conversation:
    from mcp import Client, StdioServerParameters
    from mcp.client.stdio import stdio_client

    conversation = Conversation()

    async def note(message: object) -> None:
        if isinstance(message, Exception):
            conversation.noise.append(str(message).splitlines()[0])

    program, *arguments = command
    server = StdioServerParameters(command=program, args=arguments, env=dict(os.environ))
    started = time.perf_counter()
    async with Client(stdio_client(server, errlog=log), mode=mode, message_handler=note) as client:
        conversation.first_answer_seconds = time.perf_counter() - started
        conversation.protocol_version = client.protocol_version
        await _ask(client, conversation)
    return conversation


async def _ask(client: "Client", conversation: Conversation) -> None:
    from mcp_types import ResourceTemplateReference

    page = await client.list_prompts()
    conversation.prompts, conversation.has_more = len(page.prompts), page.next_cursor is not None
    conversation.tools = len((await client.list_tools()).tools)
    templates = await client.list_resource_templates()
    template = ResourceTemplateReference(uri=templates.resource_templates[0].uri_template)
    await client.complete(template, {"name": "name", "value": ""})


def _reason(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return f"The server didn't answer within {_PATIENCE_SECONDS:.0f} seconds."
    return f"The server failed: {error or type(error).__name__}."


def _tail(log: TextIO) -> str:
    """Return a sentence with the end of the server's standard error; '' if that is empty."""
    log.seek(0)
    output = log.read()[-_TAIL:].strip()
    return f"It said:\n{output}" if output else ""
