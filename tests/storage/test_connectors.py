import pytest

from storage.connectors import UrlConnector
from storage.database import Database
from storage.errors import Unavailable


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "postgresql://nobody:secret@127.0.0.1:1/none",
        "postgresql://nobody:secret@host.invalid/none",
        "mysql://nobody:secret@127.0.0.1/none",
        "postgresql://nobody:secret@127.0.0.1:notaport/none",
    ],
)
async def test_a_wrong_url_is_one_clear_line_without_the_password(url):
    with pytest.raises(Unavailable) as caught:
        await UrlConnector(url).connect()
    assert "check DATABASE_URL" in caught.value.message
    assert "secret" not in caught.value.message
    assert "\n" not in caught.value.message


async def test_a_database_that_isnt_there_is_named(postgres):
    with pytest.raises(Unavailable, match="ps_not_there"):
        await UrlConnector(postgres.url("ps_not_there")).connect()


async def test_a_connection_cut_in_a_transaction_is_unavailable_and_the_next_one_works(
    connector, database
):
    import sqlalchemy as sa

    with pytest.raises(Unavailable, match="Try again"):
        async with database.transaction() as tx:
            pid = await tx.connection.scalar(sa.text("SELECT pg_backend_pid()"))
            killer = await connector.connect()
            await killer.execute(f"SELECT pg_terminate_backend({pid})")
            await killer.close()
            await tx.connection.execute(sa.text("SELECT 1"))
    async with database.reading() as tx:
        assert await tx.connection.scalar(sa.text("SELECT 1")) == 1


async def test_more_readers_than_connections_wait_for_their_turn(connector):
    import asyncio

    import sqlalchemy as sa

    narrow = Database(connector, pool_size=1)

    async def read() -> int:
        async with narrow.reading() as tx:
            return await tx.connection.scalar(sa.text("SELECT 1"))

    assert await asyncio.gather(*(read() for _ in range(10))) == [1] * 10
    await narrow.close()
