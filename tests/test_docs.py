"""What the README says about tools, settings, commands and clients is what the code does."""

import json
import re
import shlex
from pathlib import Path

import pytest
import typer

from mcp_server.cli.commands import cli
from mcp_server.config import SETTINGS, Setting
from mcp_server.protocol.tools.table import TOOLS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def _table(heading: str) -> list[str]:
    """Return the rows of the first table under a heading."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("| `")]


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def _default(setting: Setting) -> str:
    default = setting.default
    written = ",".join(default) if isinstance(default, tuple) else default
    return "" if written in (None, "") else f"`{written}`"


def _commands() -> list[list[str]]:
    lines = [line for block in _blocks("sh") for line in block.splitlines()]
    split = [shlex.split(line.split(" | ")[-1], comments=True) for line in lines]
    return [words[1:] for words in split if words[0].endswith("promptstack")]


def test_the_table_of_tools_lists_every_tool():
    assert _table("Tools") == [
        f"| `{tool.name}` | {tool.title} | {'yes' if tool.writes else 'no'} |"
        for tool in TOOLS.values()
    ]


def test_the_table_of_settings_lists_every_setting():
    assert _table("Settings") == [
        f"| `{known.variable}` | {known.about} | {_default(known)} |" for known in SETTINGS
    ]


def test_every_setting_says_what_it_is_about_in_a_sentence():
    assert [known.variable for known in SETTINGS if not known.about.endswith(".")] == []


@pytest.mark.parametrize("words", _commands(), ids=" ".join)
def test_every_command_of_the_tour_can_be_parsed(words):
    group = typer.main.get_command(cli)
    with group.make_context("promptstack", list(words)) as context:
        name, command, rest = group.resolve_command(context, words)
        assert command.make_context(name, rest, parent=context).command is command


def test_the_configurations_of_clients_are_json():
    entries = [json.loads(block) for block in _blocks("json")]
    assert [next(iter(entry)) for entry in entries] == ["mcpServers", "servers"]


def test_the_commands_that_install_are_the_ones_that_ci_runs():
    ci = (ROOT / ".ci" / "run").read_text()
    assert 'install -c constraints.txt -e ".[dev]"' in ci
    assert "-m venv" in ci
    for command in (
        "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/promptstack serve",
        'python3 -m venv .venv && .venv/bin/pip install -e ".[dev]" && .venv/bin/pytest',
    ):
        assert f"\n{command}\n" in README
    for command in ("uv run promptstack doctor", "uv run pytest"):
        assert f"`{command}`" in README


def test_every_decision_is_one_page_with_its_three_parts():
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [path.name[:4] for path in decisions] == [
        f"{number:04}" for number in range(1, len(decisions) + 1)
    ]
    for path in decisions:
        headings = re.findall(r"^## (.+)$", path.read_text(), re.MULTILINE)
        assert headings[:3] == ["Context", "Decision", "Consequences"], path.name
        assert len(path.read_text().splitlines()) <= 70, path.name


def test_links_between_the_papers_lead_somewhere():
    papers = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    for paper in papers:
        for link in re.findall(r"\]\(([^)#:]+)\)", paper.read_text()):
            assert (paper.parent / link).exists(), f"{paper.name}: {link}"
