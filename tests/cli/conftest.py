"""The command line in this process, on a database of the test's own."""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from typer.testing import CliRunner

from mcp_server.cli.commands import cli


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left behind: its exit code and what it said."""

    code: int
    out: str
    err: str
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """Give logging back as it was: each command sends it to its own standard error."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, database_url: str) -> pytest.MonkeyPatch:
    """The variables that a command reads."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("PROMPTSTACK_USER", "tester")
    return monkeypatch


@pytest.fixture
def run(environment: pytest.MonkeyPatch) -> Run:
    """Run a command and expect it to succeed."""

    def succeed(*arguments: object, input: str | bytes | None = None) -> Ran:
        ran = invoke(*arguments, input=input)
        assert ran.code == 0, ran
        return ran

    return succeed


@pytest.fixture
def attempt(environment: pytest.MonkeyPatch) -> Run:
    """Run a command that may fail."""
    return invoke


def invoke(*arguments: object, input: str | bytes | None = None) -> Ran:
    done = CliRunner().invoke(cli, [str(each) for each in arguments], input=input)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Ran(done.exit_code, done.stdout, done.stderr, done.stdout_bytes)
