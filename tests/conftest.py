"""One PostgreSQL a worker, migrated once; a database of its own for each test that asks."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from itertools import count

import pytest

from storage.connectors import Connector, UrlConnector
from storage.database import Database
from storage.schema import migrate
from tests.support.postgres import Server, from_environment
from tests.support.processes import hand_down_default_signals

hand_down_default_signals()

_numbers = count()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with from_environment() as server:
        yield server


def _unique_name(kind: str) -> str:
    return f"ps_{kind}_{os.getpid()}_{next(_numbers)}"


@pytest.fixture(scope="session")
def template(postgres: Server) -> Iterator[str]:
    """The name of a migrated, empty database to clone."""
    name = _unique_name("tpl")
    asyncio.run(postgres.create_database(name))
    asyncio.run(migrate(UrlConnector(postgres.url(name))))
    asyncio.run(postgres.freeze_template(name))
    yield name
    asyncio.run(postgres.drop_database(name))


@pytest.fixture
def database_url(postgres: Server, template: str) -> Iterator[str]:
    """The URL of a migrated, empty database of this test alone."""
    name = _unique_name("test")
    asyncio.run(postgres.create_database(name, template))
    yield postgres.url(name)
    asyncio.run(postgres.drop_database(name))


@pytest.fixture
def empty_database_url(postgres: Server) -> Iterator[str]:
    """The URL of a database without any table."""
    name = _unique_name("empty")
    asyncio.run(postgres.create_database(name))
    yield postgres.url(name)
    asyncio.run(postgres.drop_database(name))


@pytest.fixture
def connector(database_url: str) -> Connector:
    return UrlConnector(database_url)


@pytest.fixture
async def database(connector: Connector) -> AsyncIterator[Database]:
    opened = Database(connector)
    yield opened
    await opened.close()


@pytest.fixture
async def other_database(postgres: Server, template: str) -> AsyncIterator[Database]:
    """A second database, as empty as the first."""
    name = _unique_name("other")
    await postgres.create_database(name, template)
    opened = Database(UrlConnector(postgres.url(name)))
    yield opened
    await opened.close()
    await postgres.drop_database(name)
