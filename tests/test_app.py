"""The wiring: which database is asked for what, and what is closed at the end."""

import anyio
import pytest

from mcp_server import app
from mcp_server.app import make_connector, make_database, make_direct_connector
from mcp_server.config import Settings, read_settings
from storage.values.errors import Invalid

POOLED = "postgresql://u:p@pooler:6432/d"
DIRECT = "postgresql://u:p@one:5432,two:5432/d"
REPLICA = "postgresql://u:p@replica:5432/d"


def test_listening_and_migrating_go_past_a_pooler():
    settings = Settings(database_url=POOLED, database_listen_url=DIRECT)
    assert make_connector(settings).describe() == "'postgresql://pooler:6432/d'"
    assert make_direct_connector(settings).describe() == "'postgresql://one:5432,two:5432/d'"


def test_without_a_way_past_it_there_is_one_way():
    settings = Settings(database_url=POOLED)
    assert make_direct_connector(settings).describe() == make_connector(settings).describe()


async def test_the_pools_size_is_the_settings_else_the_callers():
    settings = Settings(database_url=POOLED)
    assert make_database(settings).pool.size == 5
    assert make_database(settings, pool_size=20).pool.size == 20
    given = read_settings({"DATABASE_URL": POOLED, "PROMPTSTACK_POOL_SIZE": "7"})
    assert make_database(given, pool_size=20).pool.size == 7


async def test_a_replica_has_a_pool_of_its_own():
    assert make_database(Settings(database_url=POOLED))._replica is None
    assert make_database(Settings(database_url=POOLED, database_read_url=REPLICA))._replica


@pytest.mark.parametrize("written", ["0", "many", "-1", "1001"])
def test_a_pools_size_that_cant_be_is_named(written):
    with pytest.raises(Invalid, match="PROMPTSTACK_POOL_SIZE"):
        read_settings({"PROMPTSTACK_POOL_SIZE": written})


def test_a_url_that_is_none_names_its_own_variable():
    settings = Settings(database_url=POOLED, database_listen_url="nonsense")
    with pytest.raises(Invalid, match=r"^Check DATABASE_LISTEN_URL: 'nonsense'"):
        make_direct_connector(settings)


async def test_a_database_is_closed_also_where_the_last_flush_hangs(database_url, monkeypatch):
    monkeypatch.setattr(app, "CLOSING_SECONDS", 0.05)
    closed = []
    settings = Settings(database_url=database_url)
    async with app.live_core(settings, lambda change: None) as live:
        close = live.database.close

        async def noted():
            await close()
            closed.append(True)

        monkeypatch.setattr(live.core.values, "flush", anyio.sleep_forever)
        monkeypatch.setattr(live.database, "close", noted)
    assert closed == [True]
