import asyncio

import pytest

from storage.connectors import UrlConnector
from storage.entities import Change
from storage.errors import Unavailable
from storage.notifications import Listener
from tests.support.library import add_prompt


class Heard:
    """Collects changes and lets a test wait for one."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self._more = asyncio.Event()

    def __call__(self, change: Change) -> None:
        self.changes.append(change)
        self._more.set()

    async def until(self, wanted) -> None:
        async with asyncio.timeout(10):
            while not any(wanted(change) for change in self.changes):
                self._more.clear()
                await self._more.wait()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def listener(connector, heard):
    listening = Listener(connector, heard)
    await listening.start()
    running = asyncio.create_task(listening.run())
    yield listening
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def _cut(connector) -> None:
    """End every other connection to this database, as a restart would."""
    connection = await connector.connect()
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await connection.close()


async def test_a_commit_is_heard_with_the_prompts_name(database, listener, heard):
    prompt_id = await add_prompt(database, "fresh")
    await heard.until(lambda change: change == Change("prompt", "fresh", prompt_id))


async def test_a_rollback_is_never_heard(database, listener, heard):
    with pytest.raises(RuntimeError):
        async with database.transaction() as tx:
            from storage.entities import Metadata
            from storage.ids import new_id

            await tx.prompts.insert(new_id(), Metadata("ghost"))
            raise RuntimeError
    await add_prompt(database, "real")
    await heard.until(lambda change: change.name == "real")
    assert {change.name for change in heard.changes} == {"real"}


async def test_a_label_is_named_when_it_moves(database, listener, heard):
    prompt_id = await add_prompt(database, "moved")
    async with database.transaction() as tx:
        await tx.labels.point(prompt_id, "staging", 1, moved_from=None, moved_by="me")
    await heard.until(lambda change: (change.kind, change.label) == ("label", "staging"))


async def test_a_cut_connection_comes_back_and_says_that_anything_may_have_changed(
    connector, database, listener, heard
):
    await _cut(connector)
    await heard.until(lambda change: change.kind == "everything")
    async with asyncio.timeout(10):
        while not listener.listening:
            await asyncio.sleep(0.01)
    await database.close()
    await add_prompt(database, "after-the-gap")
    await heard.until(lambda change: change.name == "after-the-gap")


async def test_a_payload_that_cant_be_read_means_anything_may_have_changed(
    connector, listener, heard, caplog
):
    connection = await connector.connect()
    await connection.execute("NOTIFY promptstack, 'nonsense'")
    await connection.close()
    await heard.until(lambda change: change == Change("everything"))


async def test_starting_without_a_database_says_so():
    listener = Listener(UrlConnector("postgresql://nobody@127.0.0.1:1/none"), Heard())
    with pytest.raises(Unavailable, match="check DATABASE_URL"):
        await listener.start()
    assert not listener.listening
