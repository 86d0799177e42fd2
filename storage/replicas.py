"""Reading from a replica, as long as it has every change that this process knows of."""

import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import asyncpg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.connectors import Connector
from storage.pools import Pool
from storage.values.errors import PromptError, Unavailable

T = TypeVar("T")
Query = Callable[[AsyncConnection], Awaitable[T]]

_PAUSE_SECONDS = 10.0
"""How long a replica that failed isn't tried again."""
# Positions in the log of writes, as numbers: the driver has no type for them.
_WRITTEN = sa.text("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint")
_REPLAYED = sa.text(
    "SELECT CASE WHEN pg_is_in_recovery() "
    "THEN pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint END"
)

logger = logging.getLogger(__name__)


class Behind(Exception):
    """The replica can't answer this query now; the primary can."""


class Replica:
    """A pool on a streaming replica.

    It must have every change that this process made or heard of, or the query goes to the primary
    (docs/decisions/0005).
    """

    def __init__(self, connector: Connector, primary: Pool, *, size: int) -> None:
        self._connector = connector
        self._primary = primary
        self._pool = Pool(connector, size=size)
        self._changes = 0
        self._known_changes = -1
        self._needed = 0
        self._asleep_until = 0.0
        self._is_failing = False

    def note_change(self) -> None:
        """Note a change that every read from now on has to see."""
        self._changes += 1

    async def read(self, query: Query[T]) -> T:
        """Run a query on the replica.

        Raises:
            Behind: the replica can't answer it now.
            Invalid, NotFound: raised by the query.
        """
        if time.monotonic() < self._asleep_until:
            raise Behind
        await self._learn_needed_position()
        try:
            async with self._pool.autocommit() as connection:
                await self._check_caught_up(connection)
                result = await query(connection)
        except Unavailable as error:
            self._rest(str(error))
            raise Behind from error
        except DBAPIError as error:
            # A replica cancels queries that conflict with the changes it has to replay.
            cause = error.orig.__cause__ if error.orig is not None else None
            if isinstance(cause, asyncpg.SerializationError | asyncpg.DeadlockDetectedError):
                raise Behind from error
            raise
        self._note_success()
        return result

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

    async def _learn_needed_position(self) -> None:
        """Ask the primary for its log position, unless nothing changed since the last time."""
        changes = self._changes
        if self._known_changes == changes:
            return
        with suppress(DBAPIError, PromptError):
            async with self._primary.autocommit() as connection:
                # It may be a lower one than before: after a failover the log may have gone back.
                needed: int = await connection.scalar(_WRITTEN) or 0
            # A later question may have been answered sooner.
            if changes >= self._known_changes:
                self._needed, self._known_changes = needed, changes
            return
        raise Behind

    async def _check_caught_up(self, connection: AsyncConnection) -> None:
        # A pooler, or a name that stands for several replicas, may lead to another server each
        # time, so the position is only remembered for a connection of our own.
        remembered = {} if self._connector.is_shared else connection.info
        if remembered.get("replayed", -1) >= self._needed:
            return
        try:
            replayed = await connection.scalar(_REPLAYED)
        except DBAPIError as error:
            replayed = None
            logger.info("how far the replica is can't be told: %s", error)
        if replayed is None:
            self._rest("it isn't a replica that tells how far it is")
            raise Behind
        remembered["replayed"] = replayed
        if replayed < self._needed:
            raise Behind

    def _rest(self, reason: str) -> None:
        self._asleep_until = time.monotonic() + _PAUSE_SECONDS
        level = logging.INFO if self._is_failing else logging.WARNING
        self._is_failing = True
        logger.log(level, "the replica isn't used, all is read from the primary: %s", reason)

    def _note_success(self) -> None:
        if self._is_failing:
            self._is_failing = False
            logger.info("the replica is used again")
