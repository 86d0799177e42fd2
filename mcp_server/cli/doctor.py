"""`doctor`: does everything work, where is the data, and how is an assistant connected?"""

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import typer

from mcp_server.cli.clients import server_command, snippets
from mcp_server.cli.printing import counted, write, write_line
from mcp_server.cli.running import BUG, Invocation, exit_code, run_async
from mcp_server.service.views import View
from storage.values.errors import PromptError

if TYPE_CHECKING:
    from mcp_server.config import Settings

Check = Callable[[], Awaitable[object]]
"""Checks one thing; its result describes the finding."""


def examine(context: typer.Context) -> None:
    """Start the database, hold a conversation as an assistant would, and show how to connect."""
    settings = Invocation.of(context).settings
    command = [*server_command(), *_view_options(Invocation.of(context).caller.view)]
    code = run_async(_run(_checks(Invocation.of(context), command)))
    write_line(f"\nThe data lives in {_place(settings)}.")
    if code:
        raise typer.Exit(code)
    _show_clients(command)


def _view_options(view: View) -> list[str]:
    """Return the options with which a server serves the same view."""
    pairs = [("--tag", tag) for tag in view.tags]
    pairs += [("--folder", folder) for folder in view.folders]
    read_only = ["--read-only"] if view.read_only else []
    return [*read_only, *(part for pair in pairs for part in pair)]


def _checks(invocation: Invocation, command: Sequence[str]) -> Iterator[tuple[str, Check]]:
    from mcp_server.cli.conversation import converse

    yield "Database", partial(_check_database, invocation.settings)
    yield "Schema", partial(_check_schema, invocation.settings)
    yield "Library", partial(_check_library, invocation)
    yield "MCP, today's protocol", partial(converse, command, legacy=False)
    yield "MCP, with a handshake", partial(converse, command, legacy=True)


async def _run(checks: Iterator[tuple[str, Check]]) -> int:
    """Run the checks in order until one fails, as each needs those before; return the exit code."""
    from mcp_server.cli.conversation import ConversationFailed

    for name, check in checks:
        started = time.perf_counter()
        try:
            finding, code = await check(), 0
        except PromptError as error:
            finding, code = error.local, exit_code(error)
        except ConversationFailed as error:
            finding, code = str(error), BUG
        seconds = time.perf_counter() - started
        write_line(f"{'✗' if code else '✓'} {name} ({seconds:.2f} s): {finding}")
        if code:
            return code
    return 0


async def _check_database(settings: "Settings") -> str:
    from mcp_server.app import server_version

    return f"PostgreSQL {await server_version(settings)} answers"


async def _check_schema(settings: "Settings") -> str:
    from mcp_server.app import migrate, needed_revision

    migrated = await migrate(settings)
    return f"{'migrated to' if migrated else 'is at'} revision {needed_revision()}"


async def _check_library(invocation: Invocation) -> str:
    from mcp_server.app import open_library

    async with open_library(invocation.settings, invocation.caller) as library:
        published = await library.prompts.count_published()
    if published:
        return counted(published, "prompt")
    return "no prompts yet; bring some in with `promptstack import PATH`"


def _place(settings: "Settings") -> str:
    from mcp_server.app import embedded_root, make_connector

    if settings.database_url:
        return f"the database {make_connector(settings).describe()}"
    return str(embedded_root(settings).path)


def _show_clients(command: Sequence[str]) -> None:
    for snippet in snippets(command):
        write(f"\n{snippet.clients} ({snippet.place}):\n{snippet.text}\n")
