import asyncio

import pytest

from storage.notifications import Listener
from tests.support.seeing import seen


@pytest.fixture
def library(database):
    """A library that hears nothing, so that every read goes to the database."""
    return seen(database)


@pytest.fixture
def other_library(other_database):
    """A second library, with nothing in it."""
    return seen(other_database)


@pytest.fixture
async def hearing_library(connector, database):
    """A library as a server has it: reading from memory, hearing every commit."""
    listener = Listener(connector, lambda change: live.core.hear(change), database.notify)
    live = seen(database, is_hearing=lambda: listener.listening)
    await listener.start()
    running = asyncio.create_task(listener.run())
    yield live
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
