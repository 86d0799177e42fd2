"""The table of commands, and what happens without one: serving MCP over stdio."""

import sys
from typing import Annotated

import typer

from mcp_server.cli.running import exit_code, fail, settings_of
from mcp_server.config import Settings
from mcp_server.service.scope import Scope
from storage.errors import PromptError

cli = typer.Typer(
    name="promptstack",
    help="A prompt library that AI assistants use directly.\n\nWithout a command it serves MCP over "
    "standard input and output; an assistant's configuration starts it that way.",
    no_args_is_help=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@cli.callback()
def serve(
    context: typer.Context,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Publish no tool that changes the library.")
    ] = False,
    tag: Annotated[
        list[str] | None,
        typer.Option(help="Publish only prompts with this tag (repeatable: any of them)."),
    ] = None,
    folder: Annotated[
        list[str] | None,
        typer.Option(help="Publish only prompts in or below this folder (repeatable)."),
    ] = None,
    page_size: Annotated[
        int | None,
        typer.Option(min=1, max=10_000, help="Cut lists into pages; by default they come whole."),
    ] = None,
    log_format: Annotated[
        str | None, typer.Option(help="`text` or `json`; overrides PROMPTSTACK_LOG_FORMAT.")
    ] = None,
) -> None:
    """Serve MCP over stdio, unless a command is named."""
    settings = settings_of(log_format)
    context.obj = settings
    if context.invoked_subcommand is not None:
        return
    if sys.stdin.isatty():
        from mcp_server.cli.welcome import explain

        explain()
        return
    _serve(settings, Scope(tuple(tag or ()), tuple(folder or ()), read_only), page_size)


def _serve(settings: Settings, scope: Scope, page_size: int | None) -> None:
    from mcp_server.app import warm_database

    # The database starts, or is found, while Python is still importing the protocol.
    warm_database(settings)
    import asyncio

    from mcp_server import version
    from mcp_server.protocol.server import ServerOptions
    from mcp_server.stdio import serve_stdio

    options = ServerOptions(
        version=version(), scope=scope, page_size=page_size, actor=settings.actor
    )
    asyncio.run(serve_stdio(settings, options))


def run() -> None:
    """Run the command line and exit with the code of what went wrong."""
    try:
        cli()
    except PromptError as error:
        fail(error)
        sys.exit(exit_code(error))
