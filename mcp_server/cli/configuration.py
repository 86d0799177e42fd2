"""`config`: the settings that are in effect."""

import json
from typing import Annotated

import typer

from mcp_server.cli.printing import write_line
from mcp_server.cli.running import Invocation
from mcp_server.config import SETTINGS, Setting, Settings

_MASK = "********"


def show_config(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the settings that are in effect; secrets are masked."""
    settings = Invocation.of(context).settings
    shown = {setting.variable: _json_value(setting, settings) for setting in SETTINGS}
    if as_json:
        write_line(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    width = max(map(len, shown))
    for variable, value in shown.items():
        write_line(f"{variable:<{width}}  {_as_text(value)}")


def _json_value(setting: Setting, settings: Settings) -> object:
    value = getattr(settings, setting.name)
    if setting.secret:
        return _MASK if value else None
    if isinstance(value, tuple):
        return list(value)
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _as_text(value: object) -> str:
    if value is None or value == []:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
