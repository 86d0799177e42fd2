"""Wiring: settings become a connector, a library, and a server that speaks over stdio.

Nothing here imports storage or use cases at the top: an IDE waits for the handshake, so that is
answered first, while the rest is still starting.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

import anyio

from mcp_server.config import Settings
from mcp_server.domain.limits import use_limits
from mcp_server.service.callers import Caller
from storage.values.errors import PromptError

if TYPE_CHECKING:
    from pathlib import Path

    from mcp_server.service.library import Core, Library
    from storage.connectors import Connector
    from storage.database import Database
    from storage.embedded.paths import Root
    from storage.notifications import Listener
    from storage.values.entities import Change

FLUSH_SECONDS = 5.0
"""How often the argument values noted in memory are written to the database."""
CLOSING_SECONDS = 2.0
"""How long the last write may hold up the end, and closing the database as well."""

logger = logging.getLogger(__name__)


def make_connector(settings: Settings) -> Connector:
    """Return the connector of the database: of `DATABASE_URL`, else of the embedded one."""
    from storage.connectors import EmbeddedConnector, UrlConnector

    if settings.database_url:
        return UrlConnector(settings.database_url)
    return EmbeddedConnector(embedded_root(settings), _bring_up)


async def _bring_up(connector: Connector) -> None:
    """Migrate a database that somebody has put in the place of the embedded one."""
    from storage import schema

    await schema.migrate(connector)


async def migrate(settings: Settings) -> bool:
    """Migrate the schema to this version's revision; return whether that changed anything.

    Raises:
        Unavailable: the database can't be reached.
    """
    from storage import schema

    return await schema.migrate(make_direct_connector(settings))


async def check_schema(settings: Settings) -> None:
    """Check that the schema is at this version's revision.

    Raises:
        Unavailable: it isn't, or the database can't be reached.
    """
    from storage import schema

    await schema.check_current(make_direct_connector(settings))


def needed_revision() -> str:
    """Return the revision of the schema that this version needs."""
    from storage import schema

    return schema.needed_revision()


async def server_version(settings: Settings) -> str:
    """Return the version of the PostgreSQL server.

    Raises:
        Unavailable: the database can't be reached.
    """
    connection = await make_connector(settings).connect()
    try:
        version: str = await connection.fetchval("SHOW server_version")
    finally:
        await connection.close()
    return version


def make_direct_connector(settings: Settings) -> Connector:
    """Return the connector past a pooler: for listening, and for migrating."""
    from storage.connectors import UrlConnector

    if settings.database_url and settings.database_listen_url:
        return UrlConnector(settings.database_listen_url, variable="DATABASE_LISTEN_URL")
    return make_connector(settings)


def make_database(settings: Settings, *, pool_size: int | None = None) -> Database:
    """Return the database, with its replica if one is named; it opens no connection yet.

    From here on the limits of these settings hold in this process.
    """
    use_limits(settings.limits)
    from storage.connectors import PREFER_STANDBY, UrlConnector
    from storage.database import Database
    from storage.pools import POOL_SIZE

    replica = None
    if settings.database_url and settings.database_read_url:
        url = settings.database_read_url
        replica = UrlConnector(url, variable="DATABASE_READ_URL", session=PREFER_STANDBY)
    size = settings.pool_size or pool_size or POOL_SIZE
    return Database(make_connector(settings), pool_size=size, replica=replica)


@asynccontextmanager
async def open_library(settings: Settings, caller: Caller | None = None) -> AsyncIterator[Library]:
    """Open the library for one command: migrated, reading straight from the database.

    Without a `caller`, it is the actor of the settings.

    Raises:
        Unavailable: the database can't be reached.
    """
    from mcp_server.service.library import Core

    await migrate(settings)
    database = make_database(settings)
    core = Core(database, remember_values=settings.remember_values)
    try:
        yield core.seen_by(caller or Caller(settings.actor, door="cli"))
        await core.flush()
    finally:
        core.close()
        await database.close()


@dataclass(frozen=True, slots=True)
class Live:
    """A library that hears every change, with its database and listener for operators."""

    core: Core
    database: Database
    listener: Listener

    async def has_current_schema(self) -> bool:
        """Query whether the schema is at this version's revision.

        Raises:
            Unavailable: the database can't be reached.
        """
        from storage import schema

        return await schema.is_current(self.database)


@asynccontextmanager
async def live_core(
    settings: Settings,
    tell: Callable[[Change], None],
    *,
    pool_size: int | None = None,
) -> AsyncIterator[Live]:
    """Open a library that hears every change, until the block ends.

    `tell` is called with each change after the library has noted it; `pool_size` applies unless the
    settings name one.

    Raises:
        Unavailable: the database can't be reached at the start.
    """
    from mcp_server.service.library import Core
    from storage.notifications import Listener

    def hear(change: Change) -> None:
        core.hear(change)
        tell(change)

    if not settings.database_url:
        from storage.embedded import absence

        # It was made and migrated before, maybe by the process that started this one.
        absence.expect(embedded_root(settings))
    database = make_database(settings, pool_size=pool_size)
    listener = Listener(make_direct_connector(settings), hear, database.notify)
    core = Core(
        database,
        is_hearing=lambda: listener.listening,
        remember_values=settings.remember_values,
    )
    try:
        await listener.start()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.run)
            tasks.start_soon(_flush_for_ever, core)
            yield Live(core, database, listener)
            tasks.cancel_scope.cancel()
    finally:
        core.close()
        with anyio.move_on_after(CLOSING_SECONDS, shield=True):
            await core.flush()
        with anyio.move_on_after(CLOSING_SECONDS, shield=True):
            await database.close()


class LiveCore:
    """A live library that is opened while the protocol is already served.

    Subscriptions are answered at once meanwhile: a client doesn't wait as long as a database may
    take to start. So when commits begin to be heard, `tell` is called with a change of everything,
    which stands for all commits since.
    """

    def __init__(self, settings: Settings, tell: Callable[[Change], None]) -> None:
        self._settings = settings
        self._tell = tell
        self._core: asyncio.Future[Core] = asyncio.get_running_loop().create_future()

    async def ready(self) -> Core:
        """Wait for the library.

        Raises:
            Unavailable: it couldn't be opened.
        """
        return await asyncio.shield(self._core)

    async def run(self) -> None:
        """Open the library, then keep it open until cancelled.

        Raises:
            Unavailable: the database can't be reached at the start.
        """
        # Importing storage takes half a second: in a thread, so that the protocol stays responsive.
        await asyncio.to_thread(_import_storage)
        from storage.values.entities import Change

        try:
            await migrate(self._settings)
            async with live_core(self._settings, self._tell) as live:
                _collect_garbage_again()
                self._tell(Change("everything"))
                self._core.set_result(live.core)
                await anyio.sleep_forever()
        except PromptError as error:
            if not self._core.done():
                self._core.set_exception(error)
                self._core.exception()  # retrieved: there may be nobody who waits for it
            raise


async def _flush_for_ever(core: Core) -> None:
    while True:
        await asyncio.sleep(FLUSH_SECONDS)
        await core.flush()


def _import_storage() -> None:
    for module in ("mcp_server.service.library", "storage.notifications", "storage.schema"):
        import_module(module)


def _collect_garbage_again() -> None:
    """End the pause that `main` began, and exempt the modules imported so far."""
    gc.freeze()
    gc.enable()


def warm_database(settings: Settings) -> None:
    """Start the embedded PostgreSQL in the background, while Python is still importing."""
    if not settings.database_url:
        threading.Thread(target=_ensure_running, args=(settings,), daemon=True).start()


def _ensure_running(settings: Settings) -> None:
    from storage.embedded.errors import EmbeddedError
    from storage.embedded.lifecycle import ensure

    try:
        ensure(embedded_root(settings))
    except EmbeddedError:
        logger.debug("the embedded PostgreSQL didn't start early", exc_info=True)


def embedded_root(settings: Settings) -> Root:
    """Return the root of the embedded PostgreSQL."""
    from storage.embedded.owner import Owner
    from storage.embedded.paths import Root

    owner = Owner(
        name="promptstack",
        folder_setting="PROMPTSTACK_DATA_DIR",
        programs_setting="PROMPTSTACK_PG_BINDIR",
        server_setting="DATABASE_URL",
        dump_command="promptstack db dump",
    )
    return Root.of(
        owner, settings.data_dir, idle_seconds=settings.idle_seconds, bindir=settings.pg_bindir
    )


def restore(root: Root, file: Path) -> Path:
    """Replace the embedded library by an archive, and tell every process; see `dumps.restore`."""
    from storage.embedded import dumps
    from storage.notifications import EVERYTHING_CHANGED

    return dumps.restore(root, file, then=EVERYTHING_CHANGED)
