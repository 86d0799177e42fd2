"""Real processes, spoken to as an IDE does: over their standard input and output."""

import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters

from tests.support.processes import HANDED_DOWN, SECONDS

ROOT = Path(__file__).parents[2]
ERAS = ("legacy", "auto")
Connect = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def environment(database_url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "PYTHONPATH": str(ROOT),
        "PROMPTSTACK_USER": "tester",
        "PYTHONWARNINGS": "error::DeprecationWarning:mcp_server",
    }


@pytest.fixture
def connect(environment: dict[str, str], tmp_path: Path) -> Connect:
    """Starts a server process and connects the SDK's client to it."""

    @asynccontextmanager
    async def start(
        era: str = "legacy", *options: str, env: dict[str, str] | None = None, **settings: object
    ) -> AsyncIterator[Client]:
        parameters = StdioServerParameters(
            command=sys.executable,
            args=["-m", "mcp_server", *options],
            env=HANDED_DOWN | environment | (env or {}),
            cwd=tmp_path,
        )
        async with Client(parameters, mode=era, read_timeout_seconds=SECONDS, **settings) as client:
            yield client

    return start


def child_environment(environment: dict[str, str]) -> dict[str, str]:
    """What an IDE hands down, and the test's own settings."""
    inherited = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    return inherited | environment
