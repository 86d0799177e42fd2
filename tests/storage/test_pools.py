import asyncio
import time

import pytest
import sqlalchemy as sa

from storage.connectors import UrlConnector
from storage.database import Database
from storage.pools import PoolFigures
from storage.values.errors import Unavailable
from tests.support.library import add_prompt
from tests.support.network import Network
from tests.support.processes import SECONDS

_ONE = sa.text("SELECT 1")
_PID = sa.text("SELECT pg_backend_pid()")


async def _pid(database: Database) -> int:
    async with database.reading() as tx:
        return await tx.connection.scalar(_PID)


async def test_a_connection_cut_in_a_transaction_is_unavailable_and_the_next_one_works(
    connector, database
):
    with pytest.raises(Unavailable, match=r"nothing was changed\. Try again"):
        async with database.transaction() as tx:
            pid = await tx.connection.scalar(_PID)
            killer = await connector.connect()
            await killer.execute(f"SELECT pg_terminate_backend({pid})")
            await killer.close()
            await tx.connection.execute(_ONE)
    async with database.reading() as tx:
        assert await tx.connection.scalar(_ONE) == 1


async def test_a_connection_lost_while_committing_says_that_the_outcome_isnt_known(
    connector, database
):
    owner = await connector.connect()
    await owner.execute(
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';"
        "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON prompts DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION die()"
    )
    with pytest.raises(Unavailable, match="isn't known whether it was") as caught:
        await add_prompt(database, "lost")
    assert "nothing was changed" not in caught.value.message
    await owner.execute("DROP TRIGGER die ON prompts")
    await owner.close()
    await add_prompt(database, "kept")


async def test_a_server_that_began_to_refuse_writes_is_left_for_one_that_takes_them(database):
    async with database.reading() as tx:
        await tx.connection.execute(sa.text("SET default_transaction_read_only = on"))
    demoted = await _pid(database)
    with pytest.raises(Unavailable, match="only reads at the moment"):
        await add_prompt(database, "refused")
    assert await _pid(database) != demoted
    await add_prompt(database, "taken")


async def test_connections_that_fell_silent_are_replaced_before_they_are_lent(
    database_url, monkeypatch
):
    monkeypatch.setattr("storage.pools._ANSWER_SECONDS", 0.2)
    monkeypatch.setattr("storage.pools._TRUSTED_SECONDS", 0.0)
    async with Network(database_url) as network:
        database = Database(UrlConnector(network.url))
        silent = await _pid(database)
        network.fall_silent()
        asyncio.get_running_loop().call_later(0.5, network.speak_again)
        began = time.monotonic()
        assert await _pid(database) != silent
        assert time.monotonic() - began < 5
        await database.close()


async def test_a_connection_that_answers_is_lent_again(database, monkeypatch):
    monkeypatch.setattr("storage.pools._TRUSTED_SECONDS", 0.0)
    assert await _pid(database) == await _pid(database)


async def test_a_connection_that_was_closed_is_replaced(connector, database, monkeypatch):
    monkeypatch.setattr("storage.pools._TRUSTED_SECONDS", 0.0)
    closed = await _pid(database)
    killer = await connector.connect()
    await killer.execute(f"SELECT pg_terminate_backend({closed})")
    await killer.close()
    assert await _pid(database) != closed


async def test_more_readers_than_connections_wait_for_their_turn(connector):
    narrow = Database(connector, pool_size=1)

    async def read() -> int:
        async with narrow.reading() as tx:
            return await tx.connection.scalar(_ONE)

    assert await asyncio.gather(*(read() for _ in range(10))) == [1] * 10
    await narrow.close()


async def test_what_a_busy_moment_opened_is_closed_when_it_is_quiet(connector, monkeypatch):
    monkeypatch.setattr("storage.pools._QUIET_SECONDS", 0.1)
    database = Database(connector, pool_size=4)
    entered, leave = asyncio.Semaphore(0), asyncio.Event()

    async def read() -> None:
        async with database.reading():
            entered.release()
            await leave.wait()

    readers = [asyncio.create_task(read()) for _ in range(4)]
    for _ in readers:
        await entered.acquire()
    assert database.pool == PoolFigures(size=4, open=4, busy=4)
    assert database.pool.is_full
    leave.set()
    await asyncio.gather(*readers)
    assert database.pool == PoolFigures(size=4, open=4, busy=0)
    async with asyncio.timeout(SECONDS):
        while database.pool.open:
            await asyncio.sleep(0.01)
    await _pid(database)
    assert database.pool.open == 1
    await database.close()


async def test_whether_a_notification_was_sent_is_told(connector):
    database = Database(connector, pool_size=1)
    assert await database.notify("ps_test", "") is True
    async with database.reading() as tx:
        await tx.connection.scalar(_ONE)
        assert await database.notify("ps_test", "") is False
    await database.close()
