"""The database and its unit of work: everything in one `async with` happens, or nothing does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.connectors import Connector
from storage.labels import Labels
from storage.pools import POOL_SIZE, Pool, PoolFigures
from storage.prompts import Prompts
from storage.search import Search
from storage.usage import Usage
from storage.versions import Versions

_NOTIFY = sa.text(
    "SELECT set_config('synchronous_commit', 'off', true), pg_notify(:channel, :payload)"
)


class Transaction:
    """The repositories of one unit of work."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    @cached_property
    def prompts(self) -> Prompts:
        """The named things."""
        return Prompts(self.connection)

    @cached_property
    def versions(self) -> Versions:
        """Their frozen states, and the branches' heads."""
        return Versions(self.connection)

    @cached_property
    def labels(self) -> Labels:
        """Movable pointers and the history of their moves."""
        return Labels(self.connection)

    @cached_property
    def search(self) -> Search:
        """Finding by words, spelling and filters."""
        return Search(self.connection)

    @cached_property
    def usage(self) -> Usage:
        """What was used before."""
        return Usage(self.connection)


class Database:
    """The units of work of one PostgreSQL."""

    def __init__(self, connector: Connector, *, pool_size: int = POOL_SIZE) -> None:
        self.connector = connector
        self._pool = Pool(connector, size=pool_size)

    @property
    def figures(self) -> PoolFigures:
        """How many connections are open, and in use."""
        return self._pool.figures

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a unit of work: committed at the end, rolled back by any exception.

        Raises:
            Unavailable: the database can't be reached, or went away in between; says whether
                something may have been changed.
            Conflict, Invalid, NotFound: a constraint refused; see `storage.constraints`.
        """
        async with self._pool.transaction() as connection:
            yield Transaction(connection)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """Open repositories for reading; each query sees what is committed when it starts.

        Raises:
            Unavailable: the database can't be reached, or went away in between.
        """
        async with self._pool.autocommit() as connection:
            yield Transaction(connection)

    async def notify(self, channel: str, payload: str) -> bool:
        """Send a notification; return False, at once, where every connection is in use.

        Nobody waits for it to reach a disk or a standby: it proves something now, or never.

        Raises:
            Unavailable: the database can't be reached, or went away in between.
        """
        if self._pool.figures.is_full:
            return False
        async with self._pool.autocommit() as connection:
            await connection.execute(_NOTIFY, {"channel": channel, "payload": payload})
        return True

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()
