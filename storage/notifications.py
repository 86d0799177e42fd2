"""Listening to what other processes commit, over one connection that heals itself."""

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

import asyncpg

from storage.connectors import GONE, Connector
from storage.entities import Change
from storage.errors import Unavailable

CHANNEL = "promptstack"
"""The channel that the triggers of the migrations notify."""

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_ALIVE_SECONDS = 15.0

logger = logging.getLogger(__name__)


class Listener:
    """Hears every committed change, in order, while it is `listening`.

    After a gap (a lost connection) the first thing heard is a change of kind `everything`:
    notifications in the gap are lost, so whoever remembers anything has to forget it.
    """

    def __init__(self, connector: Connector, hear: Callable[[Change], None]) -> None:
        self._connector = connector
        self._hear = hear
        self._connection: asyncpg.Connection | None = None
        self._lost = asyncio.Event()

    @property
    def listening(self) -> bool:
        """Whether every commit from now on will be heard."""
        return self._connection is not None and not self._connection.is_closed()

    async def start(self) -> None:
        """Open the connection and listen.

        Raises:
            Unavailable: the database can't be reached.
        """
        connection = await self._connector.connect()
        try:
            connection.add_termination_listener(self._on_lost)
            await connection.add_listener(CHANNEL, self._on_notification)
        except (*GONE, asyncpg.PostgresError) as error:
            connection.terminate()
            raise Unavailable(f"The database can't tell of changes: {error}. Try again.") from error
        self._lost.clear()
        self._connection = connection
        if connection.is_closed():
            self._on_lost()

    async def run(self) -> None:
        """Keep listening until cancelled: reconnect when the connection is lost."""
        try:
            while True:
                await self._watch()
                self._forget()
                await self._restart()
        finally:
            await self._close()

    async def _watch(self) -> None:
        """Return when the connection is gone; a silent one is asked whether it still lives."""
        while not self._lost.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._lost.wait(), _ALIVE_SECONDS)
                return
            if not await self._is_alive():
                return

    async def _is_alive(self) -> bool:
        if self._connection is None:
            return False
        try:
            await self._connection.execute("SELECT 1", timeout=_ALIVE_SECONDS)
        except (*GONE, asyncpg.PostgresError):
            return False
        return True

    def _forget(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            connection.terminate()
        logger.warning("the connection that hears changes was lost; reconnecting")
        self._hear(Change("everything"))

    async def _restart(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                await self.start()
            except Unavailable as error:
                logger.info("still not listening: %s", error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                self._hear(Change("everything"))
                logger.info("listening again")
                return

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            connection.remove_termination_listener(self._on_lost)
            connection.terminate()

    def _on_lost(self, *_: object) -> None:
        self._lost.set()

    def _on_notification(
        self, _connection: object, _pid: int, _channel: str, payload: object
    ) -> None:
        self._hear(_read_change(str(payload)))


def _read_change(payload: str) -> Change:
    """Read a trigger's payload; one that can't be read may mean anything."""
    try:
        fields = json.loads(payload)
        if fields["kind"] == "everything":
            return Change("everything")
        return Change(
            kind=fields["kind"],
            name=fields["name"],
            prompt_id=UUID(fields["id"]),
            label=fields.get("label"),
            listed=fields["listed"],
        )
    except (ValueError, KeyError, TypeError):
        logger.warning("a change that can't be read: %.200s", payload)
        return Change("everything")
