"""Is the database's schema the one that this code needs, and bringing it there."""

import logging
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from storage.connectors import Connector
from storage.errors import Unavailable
from storage.tables import VERSION_TABLE

if TYPE_CHECKING:
    from alembic.config import Config

_LOCK = 7_051_720_261_123
"""The advisory lock that makes processes which start at once migrate one after the other."""

_OLDEST_SERVER = 150_000

logger = logging.getLogger(__name__)


def needed_revision() -> str:
    """Return the newest migration's revision, read off its file name: Alembic is slow to import."""
    names = [entry.name for entry in (files("migrations") / "versions").iterdir()]
    return max(name.split("_")[0] for name in names if name[:1].isdigit())


async def migrate(connector: Connector) -> bool:
    """Bring the schema to the newest revision; return whether there was anything to do.

    Several processes may call this at once: one migrates, the others wait and find it done.

    Raises:
        Unavailable: the database can't be reached or migrated, or is newer than this code.
    """
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connector.connect)
    try:
        async with engine.connect() as connection:
            revision = await current_revision(connection)
            if revision == needed_revision():
                return False
            return await _migrate_alone(connection)
    except DBAPIError as error:
        reason = str(error.orig).partition(": ")[2] or str(error.orig)
        raise Unavailable(
            f"The schema of {connector.describe()} can't be brought up to date: {reason}. "
            "Nothing was changed. The user of DATABASE_URL has to own the database, or run "
            "`promptstack migrate` once as one who does."
        ) from error
    finally:
        await engine.dispose()


async def check_current(connector: Connector) -> None:
    """Make sure that the schema is the one that this code needs, without changing anything.

    Raises:
        Unavailable: it isn't, or the database can't be reached.
    """
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connector.connect)
    try:
        async with engine.connect() as connection:
            revision = await current_revision(connection)
    finally:
        await engine.dispose()
    _refuse_newer(revision)
    if revision != needed_revision():
        found = f"is at revision '{revision}'" if revision else "has no tables of promptstack yet"
        raise Unavailable(
            f"The schema of {connector.describe()} {found}, but this version needs "
            f"'{needed_revision()}'. Run `promptstack migrate`, or start with --migrate."
        )


async def _migrate_alone(connection: AsyncConnection) -> bool:
    await connection.execute(sa.select(sa.func.pg_advisory_lock(_LOCK)))
    await connection.commit()
    try:
        revision = await current_revision(connection)
        if revision == needed_revision():
            return False
        _refuse_newer(revision)
        await _check_server(connection)
        logger.info("migrating the schema from %s to %s", revision or "nothing", needed_revision())
        await connection.run_sync(_upgrade)
        await connection.commit()
        return True
    finally:
        await connection.rollback()
        await connection.execute(sa.select(sa.func.pg_advisory_unlock(_LOCK)))
        await connection.commit()


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
    """Return the revision that the schema is at; None where there is nothing of ours yet."""
    there = await connection.scalar(sa.select(sa.func.to_regclass(VERSION_TABLE)))
    if there is None:
        await connection.rollback()
        return None
    revision: str | None = await connection.scalar(
        sa.text(f"SELECT version_num FROM {VERSION_TABLE}")
    )
    await connection.rollback()
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
