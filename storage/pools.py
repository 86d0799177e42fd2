"""A pool of connections to one database, and the driver's failures in the words of the domain."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool
from sqlalchemy.util import await_only, greenlet_spawn

from storage.connectors import GONE, Connector
from storage.constraints import translate_refusal
from storage.values.errors import Unavailable

POOL_SIZE = 5
"""How many connections a process opens at most, unless told otherwise."""

_BUSY_SECONDS = 30
_QUIET_SECONDS = 30.0
"""After this long without two connections in use at once, the idle ones are closed."""
_TRUSTED_SECONDS = 0.1
"""A connection that was used this recently isn't checked before it is lent."""
_ANSWER_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class PoolFigures:
    """The numbers of connections that a pool may open, has open, and has lent."""

    size: int
    open: int
    busy: int

    @property
    def is_full(self) -> bool:
        """Whether the next borrower has to wait for a connection."""
        return self.busy >= self.size


class Pool:
    """Lends connections, and replaces those that no longer work.

    Behind a pooler nothing is prepared under a name: the next statement may run on another of the
    server's processes.
    """

    def __init__(self, connector: Connector, *, size: int = POOL_SIZE) -> None:
        self.connector = connector
        self._size = size
        self._crowded_at = 0.0
        self._shrinking: asyncio.Task[None] | None = None
        self._engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            creator=self._open,
            pool_size=size,
            max_overflow=0,
            pool_timeout=_BUSY_SECONDS,
            pool_use_lifo=True,
        )
        self._autocommit = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        event.listen(self._engine.sync_engine, "checkout", _check)
        event.listen(self._engine.sync_engine, "checkin", self._note_return)
        event.listen(self._engine.sync_engine, "handle_error", _drop_read_only)

    @property
    def figures(self) -> PoolFigures:
        """The numbers of connections right now."""
        lent = self._pool.checkedout()
        return PoolFigures(self._size, lent + self._pool.checkedin(), lent)

    @property
    def _pool(self) -> QueuePool:
        pool = self._engine.pool
        assert isinstance(pool, QueuePool)
        return pool

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection in a transaction: committed at the end, rolled back by any exception.

        Raises:
            Unavailable: the database can't be reached, or went away in between.
            Conflict, Invalid, NotFound: a constraint refused; see `storage.constraints`.
        """
        with translated() as translation:
            async with self._engine.begin() as connection:
                yield connection
                translation.is_committing = True

    @asynccontextmanager
    async def autocommit(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection on which each statement is a transaction of its own.

        Raises:
            Unavailable: the database can't be reached, or went away in between.
        """
        with translated():
            async with self._autocommit.connect() as connection:
                yield connection

    async def close(self) -> None:
        """Close every connection."""
        if self._shrinking is not None:
            self._shrinking.cancel()
        await self._engine.dispose()

    def _note_return(self, _: object, record: Any) -> None:
        record.info["used"] = time.monotonic()
        if self._pool.checkedout() > 1:
            self._crowded_at = time.monotonic()
            if self._shrinking is None:
                self._shrinking = asyncio.create_task(self._shrink_when_quiet())

    async def _shrink_when_quiet(self) -> None:
        """Close the connections of a busy moment once they haven't been needed for a while.

        SQLAlchemy's own overflow is closed as soon as it is returned: with five readers at once
        that costs three quarters of the speed.
        """
        while self._pool.checkedout() or time.monotonic() - self._crowded_at < _QUIET_SECONDS:
            await asyncio.sleep(_QUIET_SECONDS)
        self._shrinking = None
        idle = self._pool
        await self._engine.dispose(close=False)
        await greenlet_spawn(idle.dispose)

    def _open(self) -> DBAPIConnection:
        """Open a connection as SQLAlchemy's `async_creator` does, and tell it of a pooler."""
        raw = await_only(self.connector.connect())

        async def opened() -> asyncpg.Connection:
            return raw

        shared: dict[str, Any] = {}
        if self.connector.is_shared:
            shared = {"prepared_statement_cache_size": 0, "prepared_statement_name_func": _unnamed}
        dbapi: Any = self._engine.dialect.dbapi
        connection: DBAPIConnection = dbapi.connect(async_creator_fn=opened, **shared)
        return connection


class translated:
    """Turns the driver's exceptions into domain errors; all others pass."""

    def __init__(self) -> None:
        self.is_committing = False

    def __enter__(self) -> "translated":
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, PoolTimeout):
            raise Unavailable("Every database connection is busy. Try again.") from error
        if isinstance(error, DBAPIError):
            self._raise_translated(error)
        if isinstance(error, GONE):
            raise self._went_away() from error

    def _raise_translated(self, error: DBAPIError) -> None:
        refusal = translate_refusal(error)
        if refusal is not None:
            raise refusal from error
        cause = _cause(error)
        if isinstance(cause, asyncpg.ReadOnlySQLTransactionError):
            raise Unavailable(
                "The database only reads at the moment; nothing was changed. Try again in a moment."
            ) from error
        if error.connection_invalidated or isinstance(error, InterfaceError):
            raise self._went_away() from error
        if isinstance(cause, GONE):
            raise self._went_away() from error

    def _went_away(self) -> Unavailable:
        if self.is_committing:
            return Unavailable(
                "The database went away just as the change was being kept, so it isn't known "
                "whether it was. Read it before you try again."
            )
        return Unavailable("The database went away; nothing was changed. Try again in a moment.")


def _unnamed() -> str:
    return ""


def _cause(error: DBAPIError) -> BaseException | None:
    return error.orig.__cause__ if error.orig is not None else None


def _check(connection: Any, record: Any, _: object) -> None:
    """Replace a connection that was closed or doesn't answer, and the rest of the pool with it.

    A connection that the peer closed is known without a query; only a query shows a silent one.
    """
    raw: asyncpg.Connection = connection.driver_connection
    if raw.is_closed():
        raise InvalidatePoolError
    if time.monotonic() - record.info.setdefault("used", time.monotonic()) < _TRUSTED_SECONDS:
        return
    try:
        connection.run_async(lambda asked: asked.execute("SELECT 1", timeout=_ANSWER_SECONDS))
    except (*GONE, asyncpg.PostgresError):
        raw.terminate()
        raise InvalidatePoolError from None


def _drop_read_only(context: ExceptionContext) -> None:
    """Drop all connections to a server that no longer accepts writes, as after a failover."""
    cause = context.original_exception.__cause__
    if isinstance(cause, asyncpg.ReadOnlySQLTransactionError):
        context.is_disconnect = True
