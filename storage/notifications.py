"""Listening to what other processes commit, over one connection that proves itself and heals."""

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

import asyncpg
from sqlalchemy.exc import DBAPIError

from storage.connectors import GONE, Connector
from storage.values.entities import Change, Place
from storage.values.errors import PromptError, Unavailable

CHANNEL = "promptstack"
"""The channel that the triggers of the migrations notify."""
EVERYTHING_CHANGED = f"NOTIFY {CHANNEL}, '{json.dumps({'kind': 'everything'})}'"
"""The statement that tells every process of rows that were written without triggers."""

Tell = Callable[[str, str], Awaitable[bool]]
"""Sends a payload to a channel the way commits are sent; False if that would have to wait."""

_EVERY = 2.5
_EVERY_ON_A_SOCKET = 60.0
"""No network in between can lose a connection, and an idle database is left in peace."""
_PATIENCE = 2.0
_FIRST_PATIENCE = 1.0
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_DEAF_PAUSE = 30.0

logger = logging.getLogger(__name__)


class Listener:
    """Hears every committed change, in order, while it is `listening`.

    A canary proves that again and again: a notification of our own, sent the way commits are, on a
    channel of this process alone, has to arrive. So a connection isn't trusted for long if it falls
    silent, if a pooler lends it to others, or if it leads to a server that is no longer written to.

    After a gap the first thing heard is a change of kind `everything`: notifications in the gap are
    lost, so all that is remembered has to be forgotten.
    """

    def __init__(self, connector: Connector, hear: Callable[[Change], None], tell: Tell) -> None:
        self._connector = connector
        self._hear = hear
        self._tell = tell
        self._channel = f"promptstack_canary_{secrets.token_hex(6)}"
        self._every = _EVERY_ON_A_SOCKET if connector.is_local else _EVERY
        self._connection: asyncpg.Connection | None = None
        self._lost = asyncio.Event()
        self._token = ""
        self._echo = asyncio.Event()
        self._was_sent = False
        self._believed_until = 0.0
        self._has_gap = False
        self._ever_heard = False
        self._told_deaf = False

    @property
    def listening(self) -> bool:
        """Whether every commit from now on will be heard."""
        connected = self._connection is not None and not self._connection.is_closed()
        return connected and time.monotonic() < self._believed_until

    async def start(self) -> None:
        """Open the connection and listen; wait a moment for the proof, which may come later.

        Raises:
            Unavailable: the database can't be reached.
        """
        await self._listen()
        self._has_gap = not await self._prove(_FIRST_PATIENCE)

    async def run(self) -> None:
        """Keep listening until cancelled: reconnect when the connection is lost, or not proved."""
        try:
            while True:
                await self._watch()
                self._forget()
                await self._restart()
        finally:
            self._drop()

    async def _listen(self) -> None:
        connection = await self._connector.connect()
        try:
            connection.add_termination_listener(self._on_lost)
            await connection.add_listener(CHANNEL, self._on_notification)
            await connection.add_listener(self._channel, self._on_canary)
        except (*GONE, asyncpg.PostgresError) as error:
            connection.terminate()
            raise Unavailable(
                "The database can't tell of changes. Try again.",
                reason=f"The database can't tell of changes: {error}. Try again.",
            ) from error
        except asyncio.CancelledError:
            connection.terminate()
            raise
        self._lost.clear()
        self._connection = connection
        if connection.is_closed():
            self._on_lost()

    async def _watch(self) -> None:
        """Return when the connection is gone, or a canary doesn't come back."""
        while not self._lost.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._lost.wait(), self._every)
                return
            if not await self._prove(_PATIENCE):
                return

    async def _prove(self, patience: float) -> bool:
        """Send a canary and return whether it came back in time."""
        self._token, self._was_sent = secrets.token_hex(8), False
        self._echo.clear()
        with suppress(TimeoutError, PromptError, DBAPIError, *GONE, asyncpg.PostgresError):
            async with asyncio.timeout(patience):
                await self._send()
                self._was_sent = True
                await self._echo.wait()
                return not self._lost.is_set()
        return False

    async def _send(self) -> None:
        if await self._tell(self._channel, self._token):
            return
        # All connections are busy, so the database answers. A notification on this connection is
        # proof enough, as long as an earlier one showed that it hears the others.
        if self.listening and self._connection is not None:
            await self._connection.execute(f"NOTIFY {self._channel}, '{self._token}'")

    def _forget(self) -> None:
        if self._lost.is_set() or self._ever_heard:
            logger.warning("the connection that hears changes was lost; reconnecting")
        self._drop()
        if not self._has_gap:
            self._has_gap = True
            self._hear(Change("everything"))

    async def _restart(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._listen()
            except PromptError as error:
                logger.info("still not listening: %s", error)
            else:
                if await self._prove(_PATIENCE):
                    return
                self._drop()
                if self._was_sent and not self._ever_heard:
                    self._warn_of_deafness()
                    pause = _DEAF_PAUSE
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _warn_of_deafness(self) -> None:
        if not self._told_deaf:
            self._told_deaf = True
            logger.warning(
                "nothing that is sent through DATABASE_URL is heard on the connection to %s, as "
                "behind a pooler; set DATABASE_LISTEN_URL to the PostgreSQL server itself. Until "
                "then everything is read from the database, and clients aren't told of changes "
                "that other processes make",
                self._connector.describe(),
            )

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self._believed_until = 0.0
        if connection is not None and not connection.is_closed():
            connection.remove_termination_listener(self._on_lost)
            connection.terminate()

    def _on_lost(self, *_: object) -> None:
        self._lost.set()
        self._echo.set()

    def _on_canary(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        if payload != self._token:
            return
        self._believed_until = time.monotonic() + self._every + _PATIENCE
        self._ever_heard = True
        if self._has_gap:
            self._has_gap = self._told_deaf = False
            logger.info("listening again")
            self._hear(Change("everything"))
        self._echo.set()

    def _on_notification(
        self, _connection: object, _pid: int, _channel: str, payload: object
    ) -> None:
        self._hear(_read_change(str(payload)))


def _read_change(payload: str) -> Change:
    """Read a trigger's payload; if it can't be read, anything may have changed."""
    try:
        fields = json.loads(payload)
        if fields["kind"] not in ("prompt", "version", "label"):
            # This includes kinds that only a newer schema knows.
            return Change("everything")
        return Change(
            kind=fields["kind"],
            name=fields["name"],
            prompt_id=UUID(fields["id"]),
            label=fields.get("label"),
            listed=fields["listed"],
            places=tuple(Place(folder, tuple(tags)) for folder, tags in fields.get("places", ())),
        )
    except (ValueError, KeyError, TypeError):
        logger.warning("a change that can't be read: %.200s", payload)
        return Change("everything")
