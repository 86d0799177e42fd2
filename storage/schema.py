"""The schema of the database: checking that it fits this code, and migrating it."""

import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.connectors import Connector
from storage.database import Database
from storage.pools import Pool
from storage.tables import VERSION_TABLE, metadata
from storage.values.errors import Unavailable

if TYPE_CHECKING:
    from alembic.config import Config

LOCK_SECONDS = 30
"""How long to wait for another process that migrates."""

_LOCK = 7_051_720_261_123
"""The advisory lock that lets only one process migrate at a time."""

_OLDEST_SERVER = 150_000

logger = logging.getLogger(__name__)


@cache
def needed_revision() -> str:
    """Return the newest migration's revision, read off its file name: Alembic is slow to import."""
    names = [entry.name for entry in (files("migrations") / "versions").iterdir()]
    return max(name.split("_")[0] for name in names if name[:1].isdigit())


async def is_current(database: Database) -> bool:
    """Return whether this code can work on the schema, for a readiness probe.

    A newer schema counts as current: while servers are replaced one by one, the old ones go on.

    Raises:
        Unavailable: the database can't be reached.
    """
    async with database.reading() as tx:
        revision = await current_revision(tx.connection)
    return revision is not None and revision >= needed_revision()


async def check_current(connector: Connector) -> None:
    """Check that the schema is at the revision that this code needs; change nothing.

    Raises:
        Unavailable: the schema is older, newer or missing, or the database can't be reached.
    """
    async with _connection(connector) as connection:
        revision = await current_revision(connection)
    _refuse_newer(revision)
    if revision != needed_revision():
        state = f"is at revision '{revision}'" if revision else "has no tables of promptstack yet"
        raise _unfit(
            f"The schema of {connector.describe()} {state}, but this version needs "
            f"'{needed_revision()}'. Run `promptstack migrate`, or start with --migrate."
        )


async def migrate(connector: Connector) -> bool:
    """Bring the schema to the newest revision; return whether there was anything to do.

    Several processes may call this at once: one migrates, the others wait and find it done.

    Raises:
        Unavailable: the database can't be reached or migrated, is newer than this code, or holds
            tables of another program.
    """
    async with _connection(connector) as connection:
        if await current_revision(connection) == needed_revision():
            return False
        return await _migrate_alone(connection, connector)


@asynccontextmanager
async def _connection(connector: Connector) -> AsyncIterator[AsyncConnection]:
    """Lend one connection in one transaction, which a pooler can't split up."""
    pool = Pool(connector, size=1)
    try:
        async with pool.transaction() as connection:
            yield connection
    except DBAPIError as error:
        raise _cannot_migrate(connector, error) from error
    finally:
        await pool.close()


async def _migrate_alone(connection: AsyncConnection, connector: Connector) -> bool:
    # A lock of the transaction, not of the session: a pooler's sessions aren't ours to lock.
    await connection.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
    await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    revision = await current_revision(connection)
    if revision == needed_revision():
        return False
    _refuse_newer(revision)
    await _check_server(connection)
    if revision is None:
        await _refuse_foreign_tables(connection, connector)
    logger.info("migrating the schema from %s to %s", revision or "nothing", needed_revision())
    await connection.run_sync(_upgrade)
    return True


def _cannot_migrate(connector: Connector, error: DBAPIError) -> Unavailable:
    cause = error.orig.__cause__ if error.orig is not None else None
    if isinstance(cause, asyncpg.LockNotAvailableError):
        return _unfit(
            f"The schema of {connector.describe()} isn't up to date, and another process has been "
            f"busy with it for {LOCK_SECONDS} seconds. Try again when it is done."
        )
    reason = str(error.orig).partition(": ")[2] or str(error.orig)
    return _unfit(
        f"The schema of {connector.describe()} can't be brought up to date: {reason}. "
        "Nothing was changed. The user of DATABASE_URL has to own the database, or run "
        "`promptstack migrate` once as one who does."
    )


def _unfit(reason: str) -> Unavailable:
    return Unavailable(
        "The database isn't fit for this version of promptstack; nothing was changed. Whoever runs "
        "this server finds the reason in its log.",
        reason=reason,
    )


async def _refuse_foreign_tables(connection: AsyncConnection, connector: Connector) -> None:
    foreign = await _tables_there(connection, metadata.tables)
    if foreign:
        raise _unfit(
            f"{connector.describe()} has a table '{foreign[0]}' that promptstack didn't make, so "
            "nothing was changed there. Point DATABASE_URL at a database of its own, for example "
            "one made with `createdb promptstack`."
        )


async def _tables_there(connection: AsyncConnection, names: Iterable[str]) -> Sequence[str]:
    # Not by to_regclass: a session that waits for the lock remembers which names weren't there.
    query = sa.text(
        "SELECT relname::text FROM pg_class "
        "WHERE relname = ANY(:names) AND pg_table_is_visible(oid) ORDER BY 1"
    ).bindparams(sa.bindparam("names", list(names), ARRAY(sa.Text)))
    return (await connection.scalars(query)).all()


async def _check_server(connection: AsyncConnection) -> None:
    version = int(await connection.scalar(sa.text("SHOW server_version_num")) or 0)
    encoding = await connection.scalar(sa.text("SHOW server_encoding"))
    if version < _OLDEST_SERVER or encoding != "UTF8":
        raise Unavailable(
            f"The database is PostgreSQL {version // 10_000} with the encoding {encoding}, but "
            "promptstack needs PostgreSQL 15 or newer and UTF8. Point DATABASE_URL at such a "
            "database, or unset it to use the embedded one."
        )


def _refuse_newer(revision: str | None) -> None:
    if revision is not None and revision > needed_revision():
        raise Unavailable(
            f"The database's schema is '{revision}', newer than '{needed_revision()}', which this "
            "program knows. Upgrade promptstack-mcp, or point DATABASE_URL at another database."
        )


async def current_revision(connection: AsyncConnection) -> str | None:
    """Return the revision that the schema is at; None if there are no tables of ours yet."""
    if not await _tables_there(connection, [VERSION_TABLE]):
        return None
    revision: str | None = await connection.scalar(
        sa.text(f"SELECT version_num FROM {VERSION_TABLE}")
    )
    return revision


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command

    command.upgrade(alembic_config(connection), "head")


def alembic_config(connection: sa.Connection | None = None) -> "Config":
    """Configure Alembic to find the migrations wherever they are installed."""
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option(
        "script_location", str(Path(str(files("migrations")))).replace("%", "%%")
    )
    return config
