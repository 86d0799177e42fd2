"""Wiring: settings become a connector, a library, and a server that speaks over stdio.

Nothing here imports storage or use cases at the top: an IDE waits for the handshake, so that is
answered first and the rest is brought up beside it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from mcp_server.config import Settings
from mcp_server.service.scope import Scope

if TYPE_CHECKING:
    from mcp_server.service.library import Library
    from storage.connectors import Connector
    from storage.entities import Change
    from storage.notifications import Listener

FLUSH_SECONDS = 5.0
"""How often what was noted in memory is written."""

logger = logging.getLogger(__name__)


def make_connector(settings: Settings) -> Connector:
    """Return the way to the database: `DATABASE_URL`'s, else the embedded one."""
    from storage.connectors import EmbeddedConnector, UrlConnector
    from storage.embedded.paths import Root

    if settings.database_url:
        return UrlConnector(settings.database_url)
    root = Root.of(settings.data_dir, idle_seconds=settings.idle_seconds, bindir=settings.pg_bindir)
    return EmbeddedConnector(root)


@asynccontextmanager
async def open_library(settings: Settings, scope: Scope | None = None) -> AsyncIterator[Library]:
    """Open the library for one command: migrated, reading straight from the database.

    Raises:
        Unavailable: the database can't be reached.
    """
    from mcp_server.service.library import Library
    from storage.database import Database
    from storage.schema import migrate

    connector = make_connector(settings)
    await migrate(connector)
    database = Database(connector)
    try:
        library = Library(database, scope=scope)
        yield library
        await library.values.flush()
    finally:
        await database.close()


class LiveLibrary:
    """A library that is brought up beside the protocol and hears every change.

    `ready` waits for it. `tell` hears each change after the library has taken note of it.
    """

    def __init__(self, settings: Settings, scope: Scope, tell: Callable[[Change], None]) -> None:
        self._settings = settings
        self._scope = scope
        self._tell = tell
        self._listener: Listener | None = None
        self._library: asyncio.Future[Library] = asyncio.get_running_loop().create_future()

    async def ready(self) -> Library:
        """Wait for the library.

        Raises:
            Unavailable: it couldn't be brought up.
        """
        return await asyncio.shield(self._library)

    async def run(self) -> None:
        """Bring the library up, then keep listening and flushing until cancelled.

        Raises:
            Unavailable: the database can't be reached at the start.
        """
        try:
            library = await self._bring_up()
        except BaseException as error:
            if not self._library.done():
                self._library.set_exception(error)
                self._library.exception()  # whoever waits is told; nobody waiting is fine too
            raise
        self._library.set_result(library)
        try:
            await asyncio.gather(self._listen(), self._flush(library))
        finally:
            await asyncio.shield(library.values.flush())

    async def _bring_up(self) -> Library:
        # Importing storage takes half a second: in a thread, so that the protocol stays responsive.
        await asyncio.to_thread(_import_storage)
        from mcp_server.service.library import Library
        from storage.database import Database
        from storage.notifications import Listener
        from storage.schema import migrate

        connector = make_connector(self._settings)
        await migrate(connector)
        listener = Listener(connector, self._hear)
        self._listener = listener
        library = Library(
            Database(connector), scope=self._scope, is_hearing=lambda: listener.listening
        )
        self._hear_into = library.catalog.hear
        await listener.start()
        return library

    def _hear(self, change: Change) -> None:
        self._hear_into(change)
        self._tell(change)

    async def _listen(self) -> None:
        if self._listener is not None:
            await self._listener.run()

    async def _flush(self, library: Library) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await library.values.flush()


def _import_storage() -> None:
    import storage.database
    import storage.notifications
    import storage.schema  # noqa: F401


def warm_database(settings: Settings) -> None:
    """Start the embedded PostgreSQL in the background, while Python is still importing."""
    if settings.database_url:
        return

    def ensure_running() -> None:
        from storage.embedded.errors import EmbeddedError
        from storage.embedded.lifecycle import ensure
        from storage.embedded.paths import Root

        try:
            ensure(Root.of(
                settings.data_dir, idle_seconds=settings.idle_seconds, bindir=settings.pg_bindir
            ))  # fmt: skip
        except EmbeddedError:
            logger.debug("the embedded PostgreSQL didn't start early", exc_info=True)

    threading.Thread(target=ensure_running, daemon=True).start()
