"""The database behind the library: `migrate`, `version`, `db …`."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mcp_server import version
from mcp_server.cli.printing import write_line
from mcp_server.cli.running import Invocation, run_async
from storage.values.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from storage.embedded.lifecycle import Status
    from storage.embedded.paths import Root


def migrate(context: typer.Context) -> None:
    """Bring the database's schema to what this version needs."""
    from mcp_server import app

    migrated = run_async(app.migrate(Invocation.of(context).settings))
    outcome = "migrated to" if migrated else "up to date at"
    write_line(f"The schema is {outcome} revision {app.needed_revision()}.")


def show_version() -> None:
    """Print the version of this program."""
    write_line(f"promptstack {version()}")


def status(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell whether the embedded PostgreSQL runs, and where its data is; start nothing."""
    from storage.embedded import lifecycle

    with _embedded(context) as root:
        state = lifecycle.status(root)
    facts = _facts(root, state)
    if as_json:
        write_line(json.dumps(facts, ensure_ascii=False, indent=2))
        return
    for name, value in facts.items():
        write_line(f"{name.replace('_', ' ')}: {'-' if value is None else value}")
    if state.log_tail:
        write_line(f"\nThe end of its log:\n{state.log_tail.rstrip()}")


def stop(context: typer.Context) -> None:
    """Stop the embedded PostgreSQL; whoever needs it next starts it again."""
    from storage.embedded import lifecycle

    with _embedded(context) as root:
        was_running = lifecycle.stop(root)
    write_line("Stopped." if was_running else "It wasn't running.")


def dump(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="By default a new file among the backups.")
    ] = None,
) -> None:
    """Write everything to an archive file of pg_dump."""
    from storage.embedded import dumps

    with _embedded(context) as root:
        archive = dumps.dump(root, file)
    write_line(f"Dumped to {archive}")


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file that `db dump` wrote.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
) -> None:
    """Replace everything by what an archive file holds."""
    from mcp_server import app

    with _embedded(context) as root:
        if not yes:
            _confirm(f"Replace everything in {root.path} by what {file} holds?")
        previous = app.restore(root, file)
    write_line(f"Restored from {file}; what was there before is in {previous}")


def shell(context: typer.Context) -> None:
    """Open psql on the embedded PostgreSQL; what follows `--` goes to psql."""
    from storage.embedded import dumps

    with _embedded(context) as root:
        command, variables = dumps.shell_command(root)
        # Not exec: this process keeps the server from stopping for idleness.
        process = subprocess.run([*command, *context.args], env=os.environ | variables, check=False)
    raise typer.Exit(process.returncode)


def _confirm(question: str) -> None:
    """Ask the person at the terminal; a program has to pass `--yes` instead.

    Raises:
        Invalid: there is nobody to ask.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise Invalid(f"{question} There is nobody to ask, so nothing was done. Add --yes.")
    typer.confirm(question, abort=True, err=True)


@contextmanager
def _embedded(context: typer.Context) -> Iterator["Root"]:
    """Yield the root of the embedded PostgreSQL; its errors become errors of the domain.

    Raises:
        Invalid: DATABASE_URL names another database, or a file can't be used.
        Unavailable: the embedded PostgreSQL failed.
    """
    from mcp_server.app import embedded_root
    from storage.embedded.errors import EmbeddedError, UnusableFile

    settings = Invocation.of(context).settings
    if settings.database_url:
        raise Invalid(
            "`promptstack db` looks after the embedded PostgreSQL, but DATABASE_URL names another "
            "one. Use that server's own tools, or unset DATABASE_URL."
        )
    try:
        yield embedded_root(settings)
    except UnusableFile as error:
        raise Invalid(str(error)) from None
    except EmbeddedError as error:
        raise Unavailable(str(error)) from None


def _facts(root: "Root", state: "Status") -> dict[str, object]:
    return {
        "running": state.running,
        "pid": state.pid,
        "version": state.version,
        "data": str(state.data_dir or root.path),
        "socket": str(state.socket_dir),
        "clients": state.clients,
        "bytes": state.size,
        "log": str(root.log),
    }
