"""The table of commands: the name of each, and its function.

All of their modules are loaded together, so each imports inside its functions the slow modules that
only some commands need: the application, shapes, formats, the web server.
"""

from functools import cache
from typing import Any

import typer
from typer.core import TyperGroup

from mcp_server.cli import (
    branches,
    configuration,
    database,
    doctor,
    exporting,
    importing,
    labels,
    prompts,
    reading,
    serving,
    syncing,
    versions,
)

_LIBRARY = "Library"
_HISTORY = "History"
_FILES = "Files"
_HOUSE = "Housekeeping"


@cache
def load_commands() -> dict[str, Any]:
    """Return all commands by name. They are made once: reading their options takes a while."""
    table = typer.Typer()
    _add_library(table)
    _add_history(table)
    table.command("import", rich_help_panel=_FILES)(importing.import_files)
    table.command("export", rich_help_panel=_FILES)(exporting.export)
    table.command("sync", rich_help_panel=_FILES)(syncing.sync)
    table.command("serve", rich_help_panel=_HOUSE)(serving.serve)
    table.command("doctor", rich_help_panel=_HOUSE)(doctor.examine)
    table.command("migrate", rich_help_panel=_HOUSE)(database.migrate)
    table.command("config", rich_help_panel=_HOUSE)(configuration.show_config)
    table.add_typer(_database(), name="db", rich_help_panel=_HOUSE)
    table.command("version", rich_help_panel=_HOUSE)(database.show_version)
    group = typer.main.get_command(table)
    assert isinstance(group, TyperGroup)
    return dict(group.commands)


def _add_library(table: typer.Typer) -> None:
    add = table.command
    add("list", rich_help_panel=_LIBRARY)(reading.list_prompts)
    add("search", rich_help_panel=_LIBRARY)(reading.search)
    add("get", rich_help_panel=_LIBRARY)(reading.get)
    add("create", rich_help_panel=_LIBRARY)(prompts.create)
    add("update", rich_help_panel=_LIBRARY)(prompts.update)
    add("archive", rich_help_panel=_LIBRARY)(prompts.archive)
    add("restore", rich_help_panel=_LIBRARY)(prompts.restore)


def _add_history(table: typer.Typer) -> None:
    add = table.command
    add("versions", rich_help_panel=_HISTORY)(versions.list_versions)
    add("diff", rich_help_panel=_HISTORY)(versions.diff)
    add("restore-version", rich_help_panel=_HISTORY)(versions.restore_version)
    add("label", rich_help_panel=_HISTORY)(labels.label)
    add("unlabel", rich_help_panel=_HISTORY)(labels.unlabel)
    add("label-history", rich_help_panel=_HISTORY)(labels.label_history)
    add("branch", rich_help_panel=_HISTORY)(branches.branch)
    add("branches", rich_help_panel=_HISTORY)(branches.branches)
    add("merge", rich_help_panel=_HISTORY)(branches.merge)


def _database() -> typer.Typer:
    group = typer.Typer(
        help="Look after the embedded PostgreSQL.", no_args_is_help=True, add_completion=False
    )
    group.command("status")(database.status)
    group.command("stop")(database.stop)
    group.command("dump")(database.dump)
    group.command("restore")(database.restore)
    group.command(
        "shell", context_settings={"ignore_unknown_options": True, "allow_extra_args": True}
    )(database.shell)
    return group
