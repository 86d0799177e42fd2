"""Two doors, each with a library of its own: what is true of one has to be true of the other."""

import asyncio
import logging
import os
from collections.abc import Iterator
from itertools import count

import pytest

from tests.parity.doors import CliDoor, Door, McpDoor
from tests.support.postgres import Server

_numbers = count()


@pytest.fixture
def second_database_url(postgres: Server, template: str) -> Iterator[str]:
    """The URL of another migrated, empty database."""
    name = f"ps_second_{os.getpid()}_{next(_numbers)}"
    asyncio.run(postgres.create_database(name, template))
    yield postgres.url(name)
    asyncio.run(postgres.drop_database(name))


@pytest.fixture
def doors(database_url: str, second_database_url: str) -> tuple[Door, Door]:
    return McpDoor(database_url), CliDoor(second_database_url)


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """Give logging back as it was: each command sends it to its own standard error."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
