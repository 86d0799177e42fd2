"""How assistants start this server: the command, and each client's configuration."""

import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp_server.config import SETTINGS

_SCRIPTS = ("promptstack", "promptstack-mcp")


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of configuration, and its place, for the clients that share its format."""

    clients: str
    place: str
    text: str


def server_command() -> list[str]:
    """Return a command that starts this very installation from any folder."""
    candidates = (
        Path(sys.argv[0]) if Path(sys.argv[0]).stem in _SCRIPTS else None,
        Path(sys.executable).with_name(_SCRIPTS[0]),
    )
    for candidate in candidates:
        if candidate is not None and os.access(candidate, os.X_OK) and candidate.is_file():
            return [os.path.abspath(candidate)]
    script = shutil.which(_SCRIPTS[0])
    return [script] if script else [sys.executable, "-m", "promptstack"]


def snippets(command: Sequence[str]) -> list[Snippet]:
    """Return the configuration of the common clients."""
    entry = _entry(command)
    return [
        Snippet("Claude Code", "in a shell", _claude_code(command, entry)),
        Snippet(
            "Claude Desktop, Cursor, Windsurf, Cline, Gemini CLI",
            "claude_desktop_config.json, ~/.cursor/mcp.json, ~/.gemini/settings.json, …",
            _json({"mcpServers": {"promptstack": entry}}),
        ),
        Snippet(
            "VS Code",
            ".vscode/mcp.json",
            _json({"servers": {"promptstack": {"type": "stdio", **entry}}}),
        ),
        Snippet("Zed", "settings.json", _json({"context_servers": {"promptstack": entry}})),
        Snippet("Codex", "~/.codex/config.toml", _codex(entry)),
    ]


def http_snippets(url: str) -> list[Snippet]:
    """Return the configuration of the common clients for a server over HTTP."""
    return [
        Snippet(
            "Claude Code",
            "in a shell",
            f"claude mcp add --transport http promptstack {url}",
        ),
        Snippet(
            "Cursor, Cline",
            "~/.cursor/mcp.json, …",
            _json({"mcpServers": {"promptstack": {"url": url}}}),
        ),
        Snippet(
            "VS Code",
            ".vscode/mcp.json",
            _json({"servers": {"promptstack": {"type": "http", "url": url}}}),
        ),
        Snippet(
            "Gemini CLI",
            "~/.gemini/settings.json",
            _json({"mcpServers": {"promptstack": {"httpUrl": url}}}),
        ),
        Snippet("Codex", "~/.codex/config.toml", f'[mcp_servers.promptstack]\nurl = "{url}"'),
    ]


def _entry(command: Sequence[str]) -> dict[str, Any]:
    program, *arguments = command
    entry: dict[str, Any] = {"command": program}
    if arguments:
        entry["args"] = arguments
    # An assistant's processes don't see the variables of this shell.
    variables = _variables()
    return entry | {"env": variables} if variables else entry


def _variables() -> dict[str, str]:
    """Return the environment variables that are set here, with placeholders for secrets."""
    values = {setting: os.environ.get(setting.variable, "").strip() for setting in SETTINGS}
    return {
        setting.variable: f"<your {setting.variable}>" if setting.secret else value
        for setting, value in values.items()
        if value
    }


def _claude_code(command: Sequence[str], entry: dict[str, Any]) -> str:
    import shlex

    pairs = [("--env", f"{name}={value}") for name, value in entry.get("env", {}).items()]
    options = [part for pair in pairs for part in pair]
    # --env takes as many values as follow it, so another option has to end them.
    options += ["--transport", "stdio"]
    return shlex.join(["claude", "mcp", "add", *options, "promptstack", "--", *command])


def _codex(entry: dict[str, Any]) -> str:
    # JSON's strings and lists are TOML's too.
    lines = ["[mcp_servers.promptstack]"]
    lines += [f"{key} = {json.dumps(entry[key])}" for key in ("command", "args") if key in entry]
    if "env" in entry:
        pairs = (f"{name} = {json.dumps(value)}" for name, value in entry["env"].items())
        lines.append(f"env = {{ {', '.join(pairs)} }}")
    return "\n".join(lines)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
