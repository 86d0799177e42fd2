"""Through a PgBouncer in transaction mode, which lends each transaction another connection."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import sqlalchemy as sa

from mcp_server.service.inputs import PromptInput
from storage.connectors import UrlConnector
from storage.database import Database
from storage.notifications import Listener
from storage.schema import migrate
from storage.values.entities import PromptFilter
from tests.support.poolers import PGBOUNCER, pooler_to
from tests.support.processes import SECONDS
from tests.support.seeing import seen

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PGBOUNCER is None, reason="the program 'pgbouncer' isn't installed"),
]


@pytest.fixture
def pooled_url(empty_database_url) -> Iterator[str]:
    with pooler_to(empty_database_url) as url:
        yield url


@pytest.fixture
async def pooled(pooled_url) -> AsyncIterator[Database]:
    connector = UrlConnector(pooled_url)
    await migrate(connector)
    database = Database(connector, pool_size=10)
    yield database
    await database.close()


async def test_a_pooler_is_noticed_and_a_direct_connection_is_not(pooled_url, empty_database_url):
    for url, is_shared in ((pooled_url, True), (empty_database_url, False)):
        connector = UrlConnector(url)
        await (await connector.connect()).close()
        assert connector.is_shared is is_shared


async def test_processes_that_start_at_once_migrate_once(pooled_url):
    done = await asyncio.gather(*(migrate(UrlConnector(pooled_url)) for _ in range(5)))
    assert sorted(done) == [False] * 4 + [True]


async def test_many_writers_and_readers_share_few_connections(pooled):
    library = seen(pooled)
    await library.prompts.create("shared", PromptInput(template="0"))

    async def write(number: int) -> None:
        await library.prompts.update("shared", PromptInput(template=f"{number}"))
        await library.prompts.create(f"own-{number}", PromptInput(template="text"))

    async def read(number: int) -> None:
        for _ in range(10):
            assert (await library.prompts.get("shared")).version.version >= 1
            await library.search.find("text", PromptFilter(), limit=5)

    await asyncio.gather(*(write(number) for number in range(1, 21)), *(read(n) for n in range(5)))
    assert (await library.prompts.get("shared")).version.version == 21
    async with pooled.transaction() as tx:
        left = await tx.connection.scalar(sa.text("SELECT count(*) FROM pg_prepared_statements"))
    assert left <= 1  # the question itself


async def test_without_a_way_past_it_nothing_is_heard_and_reads_stay_fresh(
    pooled, caplog, monkeypatch
):
    for name in ("EVERY", "PATIENCE", "FIRST_PATIENCE"):
        monkeypatch.setattr(f"storage.notifications._{name}", 0.3)
    listener = Listener(pooled.connector, lambda change: live.core.hear(change), pooled.notify)
    live = seen(pooled, is_hearing=lambda: listener.listening)
    await listener.start()
    running = asyncio.create_task(listener.run())
    elsewhere = seen(pooled)
    await elsewhere.prompts.create("note", PromptInput(template="0"))
    for number in range(1, 20):
        await elsewhere.prompts.update("note", PromptInput(template=f"{number}"))
        assert (await live.prompts.get("note")).version.version == number + 1
        assert not listener.listening
    async with asyncio.timeout(SECONDS):
        while "DATABASE_LISTEN_URL" not in caplog.text:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_past_the_pooler_everything_is_heard(pooled, empty_database_url):
    heard = asyncio.Event()
    direct = UrlConnector(empty_database_url, variable="DATABASE_LISTEN_URL")
    listener = Listener(direct, lambda change: heard.set(), pooled.notify)
    await listener.start()
    assert listener.listening
    running = asyncio.create_task(listener.run())
    await seen(pooled).prompts.create("note", PromptInput(template="0"))
    await asyncio.wait_for(heard.wait(), SECONDS)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
