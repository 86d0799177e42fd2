import json
import sys
import tomllib

import pytest

from mcp_server.cli import clients
from mcp_server.config import SETTINGS


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for known in SETTINGS:
        monkeypatch.delenv(known.variable, raising=False)


def test_the_script_that_was_started_is_named_by_its_absolute_path(monkeypatch, tmp_path):
    script = tmp_path / "promptstack"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["./promptstack", "doctor"])
    assert clients.server_command() == [str(script)]


def test_without_any_script_the_module_is_run(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["-c"])
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert clients.server_command() == [str(tmp_path / "python"), "-m", "promptstack"]


def test_settings_of_this_shell_go_along_and_secrets_dont(monkeypatch):
    monkeypatch.setenv("PROMPTSTACK_DATA_DIR", "/a folder")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:hush@h/d")
    texts = {snippet.clients: snippet.text for snippet in clients.snippets(["/bin/ps", "-x"])}
    entry = {
        "command": "/bin/ps",
        "args": ["-x"],
        "env": {"DATABASE_URL": "<your DATABASE_URL>", "PROMPTSTACK_DATA_DIR": "/a folder"},
    }
    assert tomllib.loads(texts["Codex"]) == {"mcp_servers": {"promptstack": entry}}
    assert json.loads(texts["VS Code"]) == {"servers": {"promptstack": {"type": "stdio", **entry}}}
    assert "--env 'PROMPTSTACK_DATA_DIR=/a folder'" in texts["Claude Code"]
    assert "hush" not in "".join(texts.values())


def test_without_settings_an_entry_is_just_the_command():
    texts = {snippet.clients: snippet.text for snippet in clients.snippets(["/bin/ps"])}
    assert json.loads(texts["Zed"]) == {"context_servers": {"promptstack": {"command": "/bin/ps"}}}
    assert texts["Claude Code"] == "claude mcp add --transport stdio promptstack -- /bin/ps"
