"""The database and its unit of work: everything in one `async with` happens, or nothing does."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import cached_property
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.argument_values import ArgumentValues
from storage.branches import Branches
from storage.bulk import Bulk
from storage.connectors import Connector
from storage.copies import Copies
from storage.includes import Includes
from storage.labels import Labels
from storage.pools import POOL_SIZE, Pool, PoolFigures
from storage.prompts import Prompts
from storage.replicas import Behind, Replica
from storage.search import Search
from storage.versions import Versions

T = TypeVar("T")

_NOTIFY = sa.text(
    "SELECT set_config('synchronous_commit', 'off', true), pg_notify(:channel, :payload)"
)


class Transaction:
    """The repositories of one unit of work."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """Open a savepoint: an exception rolls back this block and nothing else."""
        async with self.connection.begin_nested():
            yield

    @cached_property
    def prompts(self) -> Prompts:
        """Prompts and their pointers."""
        return Prompts(self.connection)

    @cached_property
    def versions(self) -> Versions:
        """Their frozen states, each appended as the head of a branch."""
        return Versions(self.connection)

    @cached_property
    def branches(self) -> Branches:
        """Named lines of versions."""
        return Branches(self.connection)

    @cached_property
    def labels(self) -> Labels:
        """Movable pointers and the history of their moves."""
        return Labels(self.connection)

    @cached_property
    def includes(self) -> Includes:
        """Includes between prompts."""
        return Includes(self.connection)

    @cached_property
    def copies(self) -> Copies:
        """Histories written again for another prompt."""
        return Copies(self.connection)

    @cached_property
    def bulk(self) -> Bulk:
        """Many prompts at once."""
        return Bulk(self.connection)

    @cached_property
    def search(self) -> Search:
        """Finding by words, spelling and filters."""
        return Search(self.connection)

    @cached_property
    def argument_values(self) -> ArgumentValues:
        """Used argument values."""
        return ArgumentValues(self.connection)


class Database:
    """The units of work of one PostgreSQL, and of its replica where there is one."""

    def __init__(
        self,
        connector: Connector,
        *,
        pool_size: int = POOL_SIZE,
        replica: Connector | None = None,
    ) -> None:
        self.connector = connector
        self._pool = Pool(connector, size=pool_size)
        self._replica = Replica(replica, self._pool, size=pool_size) if replica else None

    @property
    def pool(self) -> PoolFigures:
        """The numbers of connections that are open, and in use."""
        return self._pool.figures

    def note_change(self) -> None:
        """Note that another process wrote: `read` sees it from now on."""
        if self._replica:
            self._replica.note_change()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a unit of work: committed at the end, rolled back by any exception.

        Raises:
            Unavailable: the database can't be reached, or went away in between; says whether
                something may have been changed.
            Conflict, Invalid, NotFound: a constraint refused; see `storage.constraints`.
        """
        try:
            async with self._pool.transaction() as connection:
                yield Transaction(connection)
        finally:
            self.note_change()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """Open repositories for reading; each query sees what is committed when it starts.

        Raises:
            Unavailable: the database can't be reached, or went away in between.
        """
        async with self._pool.autocommit() as connection:
            yield Transaction(connection)

    async def read(
        self, query: Callable[[Transaction], Awaitable[T]], *, replica: bool = True
    ) -> T:
        """Run a query on the replica if it has every change that this process knows of.

        Otherwise, or if `replica` is False, run it on the primary. It may be run on both.

        Raises:
            Unavailable: the database can't be reached, or went away in between.
        """
        if replica and self._replica:
            with suppress(Behind):
                return await self._replica.read(lambda connection: query(Transaction(connection)))
        async with self.reading() as tx:
            return await query(tx)

    async def notify(self, channel: str, payload: str) -> bool:
        """Send a notification; return False at once if every connection is in use.

        It doesn't wait for a disk or a standby: a late notification is of no use.

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
        if self._replica:
            await self._replica.close()
        await self._pool.close()
