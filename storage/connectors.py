"""How to reach the database: the one that a URL names, or the embedded one."""

import asyncio
from typing import Protocol

import asyncpg

from storage.embedded.errors import EmbeddedError
from storage.embedded.lifecycle import ensure
from storage.embedded.paths import Root
from storage.errors import Unavailable

CONNECT_SECONDS = 10
"""How long one attempt to connect may take."""

_APPLICATION = {"application_name": "promptstack"}
# What a server says that is starting, stopping, or was just killed.
_STARTING = (
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.ConnectionDoesNotExistError,
    ConnectionError,
    FileNotFoundError,
)
GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)
"""What the driver raises on a connection whose server went away, or can't serve it."""


class Connector(Protocol):
    """Opens connections to one database."""

    async def connect(self) -> asyncpg.Connection:
        """Open a connection.

        Raises:
            Unavailable: with one clear sentence, whatever the reason.
        """
        ...

    def describe(self) -> str:
        """Name the database for a person, without secrets."""
        ...


class UrlConnector:
    """Connects to the PostgreSQL that a URL names, as libpq would read it."""

    def __init__(self, url: str) -> None:
        scheme, separator, rest = url.partition("://")
        self._dsn = f"{scheme.partition('+')[0]}{separator}{rest}"

    async def connect(self) -> asyncpg.Connection:
        """Open a connection; see `Connector.connect`."""
        try:
            return await asyncpg.connect(
                self._dsn, timeout=CONNECT_SECONDS, server_settings=_APPLICATION
            )
        except (*GONE, ValueError, asyncpg.PostgresError) as error:
            raise Unavailable(
                f"The database {self.describe()} can't be used: {_reason(error)}. "
                "Try again; if it stays so, check DATABASE_URL, or unset it (the embedded one is "
                "used then)."
            ) from error

    def describe(self) -> str:
        """Name the database without its password and options."""
        scheme, separator, rest = self._dsn.partition("://")
        place = rest.partition("?")[0].rpartition("@")[2]
        return f"'{scheme}{separator}{place}'" if separator else "in DATABASE_URL"


class EmbeddedConnector:
    """Connects to the embedded PostgreSQL, starting it when it isn't running."""

    def __init__(self, root: Root) -> None:
        self._root = root

    async def connect(self) -> asyncpg.Connection:
        """Open a connection; see `Connector.connect`. Heals a server that was killed."""
        for attempt in range(3):
            try:
                return await self._start_and_connect()
            except _STARTING as error:
                # Killed between being found alive and being connected to: look again.
                if attempt == 2:
                    raise Unavailable(
                        f"The embedded PostgreSQL doesn't answer: {_reason(error)}. Try again."
                    ) from error
            except (*GONE, asyncpg.PostgresError) as error:
                raise Unavailable(
                    f"The embedded PostgreSQL can't be used: {_reason(error)}. "
                    "`promptstack db status` shows its log."
                ) from error
        raise AssertionError("the last attempt returns or raises")

    async def _start_and_connect(self) -> asyncpg.Connection:
        try:
            info = await asyncio.to_thread(ensure, self._root)
        except EmbeddedError as error:
            raise Unavailable(str(error)) from error
        return await asyncpg.connect(
            host=info.host,
            port=info.port,
            user=info.user,
            password=info.password,
            database=info.database,
            timeout=CONNECT_SECONDS,
            server_settings=_APPLICATION,
        )

    def describe(self) -> str:
        """Name the place where the database lives."""
        return f"the embedded PostgreSQL in {self._root.path}"


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {CONNECT_SECONDS} seconds"
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".")
