import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import sqlalchemy as sa

from storage.connectors import PREFER_STANDBY, UrlConnector
from storage.database import Database
from storage.schema import migrate
from storage.values.errors import Unavailable
from tests.support.clusters import Cluster, both, streaming_pair
from tests.support.library import add_prompt
from tests.support.processes import SECONDS

pytestmark = pytest.mark.slow

_IS_REPLICA = sa.text("SELECT pg_is_in_recovery()")


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Cluster, Cluster]]:
    with streaming_pair() as (primary, standby):
        asyncio.run(primary.create_database("library"))
        asyncio.run(migrate(UrlConnector(primary.url("library"))))
        yield primary, standby


@pytest.fixture
def pair_to_lose() -> Iterator[tuple[Cluster, Cluster, Cluster]]:
    """A primary, a standby to take its place, and a replica that streams from that standby."""
    with streaming_pair() as (primary, standby):
        asyncio.run(primary.create_database("library"))
        asyncio.run(migrate(UrlConnector(primary.url("library"))))
        replica = Cluster(primary.place, "replica")
        try:
            replica.copy(primary)
            with open(replica.data / "postgresql.auto.conf", "a") as settings:
                settings.write(f"primary_conninfo = 'host={standby.sockets} user=postgres'\n")
            replica.start()
            yield primary, standby, replica
        finally:
            replica.stop()


@pytest.fixture
async def database(pair) -> AsyncIterator[Database]:
    primary, standby = pair
    replica = UrlConnector(
        standby.url("library"), variable="DATABASE_READ_URL", session=PREFER_STANDBY
    )
    opened = Database(UrlConnector(primary.url("library")), replica=replica)
    yield opened
    await opened.close()


async def _where(database: Database) -> str:
    async def ask(tx) -> bool:
        return await tx.connection.scalar(_IS_REPLICA)

    return "replica" if await database.read(ask) else "primary"


async def _until_replica(database: Database) -> None:
    async with asyncio.timeout(SECONDS):
        while await _where(database) != "replica":
            await asyncio.sleep(0.01)


async def _names(database: Database) -> set[str]:
    async def ask(tx) -> set[str]:
        return set(await tx.connection.scalars(sa.text("SELECT name FROM prompts")))

    return await database.read(ask)


async def _count_sessions(tx) -> int:
    counting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    return await tx.connection.scalar(sa.text(counting))


async def test_a_query_that_may_goes_to_the_replica_and_others_stay(database):
    await _until_replica(database)
    async with database.reading() as tx:
        assert not await tx.connection.scalar(_IS_REPLICA)
    assert await database.read(_count_sessions) == 1


async def test_what_was_written_is_read_at_once_though_the_replica_lags(database, pair):
    _, standby = pair
    await _until_replica(database)
    await standby.execute("SELECT pg_wal_replay_pause()")
    try:
        for number in range(5):
            await add_prompt(database, f"own-{number}")
            assert f"own-{number}" in await _names(database)
            assert await _where(database) == "primary"
    finally:
        await standby.execute("SELECT pg_wal_replay_resume()")
    await _until_replica(database)
    assert {f"own-{number}" for number in range(5)} <= await _names(database)


async def test_what_others_wrote_is_read_once_it_was_heard_of(database, pair):
    primary, standby = pair
    elsewhere = Database(UrlConnector(primary.url("library")))
    await _until_replica(database)
    await standby.execute("SELECT pg_wal_replay_pause()")
    try:
        await add_prompt(elsewhere, "theirs")
        assert "theirs" not in await _names(database)
        database.note_change()
        assert "theirs" in await _names(database)
    finally:
        await standby.execute("SELECT pg_wal_replay_resume()")
    await elsewhere.close()


async def test_a_replica_that_is_down_costs_one_warning_and_nothing_else(pair, caplog, monkeypatch):
    primary, standby = pair
    monkeypatch.setattr("storage.replicas._PAUSE_SECONDS", 0.05)
    database = Database(
        UrlConnector(primary.url("library")), replica=UrlConnector(standby.url("library"))
    )
    await _until_replica(database)
    standby.stop()
    try:
        for _ in range(20):
            assert await _where(database) == "primary"
            await asyncio.sleep(0.01)
        warnings = [record for record in caplog.records if record.levelname == "WARNING"]
        assert len(warnings) == 1
        assert "replica" in warnings[0].getMessage()
    finally:
        standby.start()
    await _until_replica(database)
    await database.close()


async def test_a_read_url_that_leads_to_a_primary_isnt_taken_for_a_replica(pair, caplog):
    url = pair[0].url("library")
    database = Database(UrlConnector(url), replica=UrlConnector(url))
    assert await _where(database) == "primary"
    assert "isn't a replica" in caplog.text
    await database.close()


async def test_after_a_failover_the_log_may_have_gone_back(pair_to_lose):
    primary, standby, replica = pair_to_lose
    library = UrlConnector(both(primary, standby, "library"))
    reading = UrlConnector(
        replica.url("library"), variable="DATABASE_READ_URL", session=PREFER_STANDBY
    )
    database = Database(library, replica=reading)
    await _until_replica(database)
    # What the standby never gets: it is promoted at a place that the log had passed already.
    await standby.execute("ALTER SYSTEM SET primary_conninfo = ''")
    await standby.execute("SELECT pg_reload_conf()")
    await _until_true(standby, "SELECT count(*) = 0 FROM pg_stat_wal_receiver")
    await primary.execute("SELECT pg_logical_emit_message(false, 'x', repeat('x', 9000000))")
    await add_prompt(database, "lost")
    assert await _where(database) == "primary"
    primary.stop()
    await standby.execute("SELECT pg_promote()")
    await _write_again(database)
    await _until_replica(database)
    assert "kept" in await _names(database)
    await database.close()


async def _until_true(server: Cluster, condition: str) -> None:
    async with asyncio.timeout(SECONDS):
        while not await server.execute(condition):
            await asyncio.sleep(0.01)


async def _write_again(database: Database) -> None:
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                await add_prompt(database, "kept")
            except Unavailable:
                await asyncio.sleep(0.01)
            else:
                return
