"""Run the migrations on the connection that the caller hands over, or on a URL of its own.

`storage.schema.migrate` hands over a connection that holds the advisory lock. The `alembic` command
line, which developers use to write new migrations, connects to `DATABASE_URL`.
"""

import asyncio
import os

from alembic import context
from sqlalchemy import Connection

from storage.connectors import UrlConnector
from storage.pools import Pool
from storage.tables import VERSION_TABLE, metadata


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, version_table=VERSION_TABLE)
    with context.begin_transaction():
        context.run_migrations()


async def _connect_and_run(url: str) -> None:
    pool = Pool(UrlConnector(url), size=1)
    try:
        async with pool.transaction() as connection:
            await connection.run_sync(_run)
    finally:
        await pool.close()


given = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    asyncio.run(_connect_and_run(os.environ["DATABASE_URL"]))
