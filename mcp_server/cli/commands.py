"""The command line itself; without a command it serves MCP over stdio."""

import errno
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from mcp_server.cli.printing import forget_output
from mcp_server.cli.running import Invocation, exit_code, fail, give_up, settings_of
from mcp_server.config import Settings
from mcp_server.service.callers import Caller
from mcp_server.service.views import View
from storage.values.errors import Invalid, PromptError, Unavailable


class Commands(TyperGroup):
    """Loads the commands when one is named, and turns failures into exit codes.

    An assistant waits for the server to start, which needs none of the commands.
    """

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command by its name."""
        self._load()
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands, in the order of the table."""
        self._load()
        return super().list_commands(ctx)

    def invoke(self, ctx: Any) -> Any:
        """Run a command. A reader that closes the pipe early, like `head`, isn't a failure."""
        try:
            return super().invoke(ctx)
        except PromptError as error:
            fail(error)
            raise typer.Exit(exit_code(error)) from None
        except BrokenPipeError:
            forget_output()
            raise typer.Exit(0) from None

    def _load(self) -> None:
        if not self.commands:
            from mcp_server.cli.table import load_commands

            self.commands.update(load_commands())


cli = typer.Typer(
    name="promptstack",
    cls=Commands,
    help="A prompt library that AI assistants use directly.\n\nWithout a command it serves MCP "
    "over standard input and output; an assistant's configuration starts it that way.",
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
        typer.Option(
            min=1,
            max=5_000,
            help="Cut lists into pages of so many prompts; otherwise up to 5,000 come at once, and "
            "more in pages of 1,000.",
        ),
    ] = None,
    log_format: Annotated[
        str | None, typer.Option(help="`text` or `json`; overrides PROMPTSTACK_LOG_FORMAT.")
    ] = None,
) -> None:
    """Serve MCP over stdio, unless a command is named."""
    settings = settings_of(log_format)
    view = View(tuple(tag or ()), tuple(folder or ()), read_only)
    context.obj = Invocation(settings, Caller(settings.actor, view, door="cli"))
    if context.invoked_subcommand is not None:
        return
    if sys.stdin is None or sys.stdout is None:
        raise Invalid(
            "There is no client to serve: standard input or output is closed. Have a client start "
            "the server, or name a command."
        )
    if sys.stdin.isatty():
        from mcp_server.cli.welcome import explain

        explain()
        return
    _serve(settings, view, page_size)


def _serve(settings: Settings, view: View, page_size: int | None) -> None:
    from mcp_server.app import warm_database

    # The database starts, or is found, while Python is still importing the protocol.
    warm_database(settings)
    import asyncio

    from mcp_server import version
    from mcp_server.protocol.server import ServerOptions
    from mcp_server.stdio.serving import serve_stdio

    caller = Caller(settings.actor, view)
    options = ServerOptions(version=version(), caller=caller, page_size=page_size)
    asyncio.run(serve_stdio(settings, options, give_up))


def run() -> None:
    """Run the command line and exit; after a failure, with the code of its kind."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  # for as long as the process lives
    try:
        cli()
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        forget_output()
        give_up(Unavailable("There is no space left to write to. Make some and try again."))
