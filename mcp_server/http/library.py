"""The library of a server, open from the server's start to its end."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from mcp_server.app import Live, live_core
from mcp_server.config import Settings
from mcp_server.service.library import Core
from storage.values.entities import Change
from storage.values.errors import Unavailable

POOL_SIZE = 10
"""Database connections of a process that serves a team, unless a setting says otherwise."""


class ServedLibrary:
    """A library that doors can be made for before it is opened."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._live: Live | None = None

    @asynccontextmanager
    async def open(self, tell: Callable[[Change], None]) -> AsyncIterator[Live]:
        """Keep the library open while the block runs; `tell` is called with each change.

        Raises:
            Unavailable: the database can't be reached at the start.
        """
        async with live_core(self._settings, tell, pool_size=POOL_SIZE) as live:
            self._live = live
            yield live

    async def ready(self) -> Core:
        """Return the core.

        Raises:
            Unavailable: the library isn't open yet.
        """
        if self._live is None:
            raise Unavailable("The server is still starting. Try again.")
        return self._live.core

    def live(self) -> Live:
        """Return the library with its database and listener, for probes and metrics."""
        assert self._live is not None  # nothing is answered before the library is open
        return self._live
