"""The Dockerfile, compose.yaml and the proxy's configuration: well-formed, and of one mind."""

import json
import re
import shutil
import sys
from pathlib import Path
from subprocess import CompletedProcess

import compose_spec
import pytest
import typer
import yaml

from mcp_server.cli.commands import cli
from mcp_server.config import FILE_SUFFIX, SETTINGS
from tests.support.processes import run

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
PROXY = ROOT / "deploy" / "haproxy.cfg"

KNOWN = {known.variable for known in SETTINGS}
KNOWN |= {f"{known.variable}{FILE_SUFFIX}" for known in SETTINGS if known.secret}


def _instruction(name: str) -> list[str]:
    joined = DOCKERFILE.replace("\\\n", " ")
    return [
        line.split(maxsplit=1)[1] for line in joined.splitlines() if line.startswith(name + " ")
    ]


def _variables() -> set[str]:
    return {pair.partition("=")[0] for line in _instruction("ENV") for pair in line.split()}


def _run(program: str, *words: str) -> "CompletedProcess[str]":
    # What pip installs lies beside Python, which needn't be on the path.
    found = shutil.which(program) or shutil.which(program, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"'{program}' isn't installed here")
    return run([found, *words], text=True)


def test_the_dockerfile_has_no_fault_that_a_linter_knows():
    done = _run("hadolint", str(ROOT / "Dockerfile"))
    assert (done.returncode, done.stdout) == (0, "")


def test_the_compose_file_is_what_its_specification_wants():
    stack = compose_spec.PyCompose.from_json(json.dumps(COMPOSE))
    assert set(stack.service_names()) == {"database", "migrate", "promptstack", "proxy"}


def test_the_proxy_reads_its_configuration():
    done = _run("haproxy", "-c", "-f", str(PROXY))
    assert done.returncode == 0, done.stderr


def test_every_variable_is_a_setting():
    own = {name for name in _variables() if name.startswith(("PROMPTSTACK_", "API_", "DATABASE_"))}
    given = set(SERVICES["promptstack"]["environment"]) | set(SERVICES["migrate"]["environment"])
    assert own | given <= KNOWN


@pytest.mark.parametrize(
    "words",
    [json.loads(_instruction("CMD")[-1]), SERVICES["migrate"]["command"]],
    ids=["Dockerfile", "migrate"],
)
def test_every_command_is_one_of_ours(words):
    assert json.loads(_instruction("ENTRYPOINT")[0]) == ["promptstack"]
    group = typer.main.get_command(cli)
    with group.make_context("promptstack", list(words)) as context:
        name, command, rest = group.resolve_command(context, words)
        assert name == words[0]
        command.make_context(name, rest, parent=context)


def test_all_agree_on_the_port():
    assert _instruction("EXPOSE") == ["8000"]
    assert "PROMPTSTACK_PORT=8000" in DOCKERFILE
    assert SERVICES["proxy"]["ports"] == ["127.0.0.1:8000:8000"]
    configured = PROXY.read_text()
    assert "bind :8000" in configured
    assert "promptstack:8000" in configured


def test_the_image_runs_as_nobody_who_could_do_harm():
    assert re.fullmatch(r"\d+:\d+", _instruction("USER")[-1])
    for name in ("migrate", "promptstack"):
        assert SERVICES[name]["read_only"] is True
        assert SERVICES[name]["cap_drop"] == ["ALL"]


def test_the_image_is_made_of_what_is_there():
    sources = [line.split()[:-1] for line in _instruction("COPY") if "--from" not in line]
    assert all((ROOT / source).exists() for line in sources for source in line)
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert all(f"!{source}" in ignored for line in sources for source in line)


def test_replicas_wait_for_the_migration_and_the_proxy_for_a_replica():
    assert SERVICES["promptstack"]["deploy"]["replicas"] == 2
    waiting = SERVICES["promptstack"]["depends_on"]
    assert waiting["migrate"]["condition"] == "service_completed_successfully"
    assert SERVICES["proxy"]["depends_on"]["promptstack"]["condition"] == "service_healthy"
