"""Three doors, each with a library of its own: what is true of one has to be true of the others."""

import asyncio
import logging
import os
from collections.abc import Iterator
from itertools import count

import pytest

from tests.parity.doors import CliDoor, Door, McpDoor, RestDoor
from tests.support.postgres import Server

_numbers = count()


@pytest.fixture
def database_urls(postgres: Server, template: str) -> Iterator[list[str]]:
    """The URLs of three migrated, empty databases."""
    names = [f"ps_parity_{os.getpid()}_{next(_numbers)}" for _ in range(3)]
    for name in names:
        asyncio.run(postgres.create_database(name, template))
    yield [postgres.url(name) for name in names]
    for name in names:
        asyncio.run(postgres.drop_database(name))


@pytest.fixture
def doors(database_urls: list[str]) -> tuple[Door, ...]:
    mcp, rest, command_line = database_urls
    return McpDoor(mcp), RestDoor(rest), CliDoor(command_line)


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """Give logging back as it was: each command sends it to its own standard error."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
