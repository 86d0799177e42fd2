"""The database and its unit of work: everything in one `async with` happens, or nothing does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

from storage.connectors import GONE, Connector
from storage.constraints import translate_refusal
from storage.errors import Unavailable
from storage.labels import Labels
from storage.prompts import Prompts
from storage.search import Search
from storage.usage import Usage
from storage.versions import Versions


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


@dataclass(frozen=True, slots=True)
class PoolFigures:
    """How many connections a pool has open, and how many of them are in use."""

    open: int
    busy: int


class Database:
    """A pool of connections to one PostgreSQL."""

    def __init__(self, connector: Connector, *, pool_size: int = 5) -> None:
        self.connector = connector
        self._engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=connector.connect,
            pool_size=pool_size,
            max_overflow=0,
            pool_pre_ping=True,
            pool_timeout=30,
        )
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a unit of work: committed at the end, rolled back by any exception.

        Raises:
            Unavailable: the database can't be reached, or went away in between.
            Conflict, Invalid, NotFound: a constraint refused; see `storage.constraints`.
        """
        with _translated():
            async with self._engine.begin() as connection:
                yield Transaction(connection)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """Open repositories for reading; each query sees what is committed when it starts.

        Raises:
            Unavailable: the database can't be reached, or went away in between.
        """
        with _translated():
            async with self._reading.connect() as connection:
                yield Transaction(connection)

    @property
    def pool(self) -> PoolFigures:
        """What the pool has come to."""
        pool = self._engine.pool
        assert isinstance(pool, QueuePool)
        busy = pool.checkedout()
        return PoolFigures(open=busy + pool.checkedin(), busy=busy)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


class _translated:
    """Let the driver's exceptions leave as domain errors; everything else passes."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, PoolTimeout):
            raise Unavailable("Every database connection is busy. Try again.") from error
        if isinstance(error, DBAPIError):
            self._raise_translated(error)
        if isinstance(error, GONE):
            raise _went_away() from error

    @staticmethod
    def _raise_translated(error: DBAPIError) -> None:
        refusal = translate_refusal(error)
        if refusal is not None:
            raise refusal from error
        cause = error.orig.__cause__ if error.orig is not None else None
        if error.connection_invalidated or isinstance(cause, GONE):
            raise _went_away() from error
        if isinstance(error, InterfaceError):
            raise _went_away() from error


def _went_away() -> Unavailable:
    return Unavailable("The database went away; nothing was changed. Try again in a moment.")
