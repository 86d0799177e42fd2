"""How to reach the database: the one that a URL names, or the embedded one."""

import asyncio
import logging
import math
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, cast

import asyncpg

from storage.embedded.errors import DataAway, EmbeddedError
from storage.embedded.lifecycle import ensure
from storage.embedded.paths import Root
from storage.urls import Address, read_url, seconds_of_environment, unusable
from storage.values.errors import Unavailable

CONNECT_SECONDS = 5.0
"""How long one attempt to connect may take by default, over all hosts."""
READ_WRITE = "read-write"
"""The session that writers need of one of several hosts."""
PREFER_STANDBY = "prefer-standby"
"""The session that readers want of one of several hosts."""

_LEAST_SECONDS = 2.0
_STATEMENTS = 100
_APPLICATION = {"application_name": "promptstack"}
# Errors of a server that is starting, stopping, or was just killed.
_STARTING = (
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.ConnectionDoesNotExistError,
    ConnectionError,
    FileNotFoundError,
)
# Errors for a wrong user, password, database or option; trying again won't help.
_REFUSALS = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.SyntaxOrAccessError,
    asyncpg.DataError,
)
_SILENCE = {
    "TCP_USER_TIMEOUT": 10_000,
    "TCP_KEEPIDLE": 10,
    "TCP_KEEPINTVL": 3,
    "TCP_KEEPCNT": 3,
}
"""Socket options for a silent peer, in milliseconds, seconds, seconds, and as a count of probes."""
_ASK = "whoever runs this server finds the reason in its log."
_UNUSABLE = (
    "The library's PostgreSQL can't be used at present; nothing was changed. Try again; if it "
    "stays so, whoever runs this server finds the reason in its log, or with "
    "`promptstack db status`."
)
_AWAY = (
    "The library's data folder isn't in its place, so nothing can be read or changed until it "
    "is put back. Try again then; whoever runs this server finds more in its log, or with "
    "`promptstack db status`."
)
_PAUSES = (0.1, 0.5)
"""How long to wait before looking again at an embedded server that doesn't answer."""
GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)
"""Exceptions of the driver for a server that went away, or can't serve the connection."""

logger = logging.getLogger(__name__)


class Connector(Protocol):
    """Opens connections to one database."""

    @property
    def is_shared(self) -> bool:
        """Whether a pooler is in between, which lends each transaction another connection."""
        ...

    @property
    def is_local(self) -> bool:
        """Whether connections stay on this machine, where no network can lose them."""
        ...

    async def connect(self) -> asyncpg.Connection:
        """Open a connection.

        Raises:
            Invalid: the settings can't be used with any server.
            Unavailable: the database can't be reached, or refuses the connection.
        """
        ...

    def describe(self) -> str:
        """Name the database for a person, without secrets."""
        ...


class UrlConnector:
    """Connects to the PostgreSQL that a URL names, as libpq would read it.

    Of several hosts, the one that served last is tried first, so that only the first connection
    after a failover pays for finding the new primary. Without `target_session_attrs` in the URL,
    `session` takes its place for several hosts.
    """

    def __init__(
        self, url: str, *, variable: str = "DATABASE_URL", session: str = READ_WRITE
    ) -> None:
        """Read the URL.

        Raises:
            Invalid: it isn't one.
        """
        self._written, self._variable = url, variable
        self._url = read_url(url, variable)
        embedded = ", or unset it (the embedded one is used then)"
        self._instead = embedded if variable == "DATABASE_URL" else ""
        several = len(self._url.addresses) > 1
        self._session = self._url.session or (session if several else "any")
        self._addresses: list[Address | None] = list(self._url.addresses) or [None]
        self._is_shared = False

    @property
    def is_shared(self) -> bool:
        """See `Connector.is_shared`; noticed when connecting."""
        return self._is_shared

    @property
    def is_local(self) -> bool:
        """See `Connector.is_local`: all addresses are sockets."""
        return all(address and address.is_socket for address in self._addresses)

    async def connect(self) -> asyncpg.Connection:
        """Open a connection; see `Connector.connect`."""
        reasons: dict[str, Exception] = {}
        for session in self._sessions():
            for address in tuple(self._addresses):
                try:
                    connection = await self._connect_to(address, session)
                except (asyncpg.ClientConfigurationError, ValueError) as error:
                    raise unusable(self._written, self._variable, _reason(error)) from error
                except _REFUSALS as error:
                    raise self._refused(error) from error
                except (*GONE, asyncpg.PostgresError) as error:
                    place = f"{address}: " if len(self._addresses) > 1 else ""
                    reasons[place + _reason(error, session)] = error
                else:
                    self._prefer(address)
                    return connection
        raise self._unreachable(reasons) from next(reversed(reasons.values()))

    def _sessions(self) -> Sequence[str]:
        # The driver could choose by itself, but doesn't give each host its own time to answer.
        if self._session == PREFER_STANDBY and len(self._addresses) > 1:
            return ("standby", "any")
        return (self._session,)

    async def _connect_to(self, address: Address | None, session: str) -> asyncpg.Connection:
        async with asyncio.timeout(self._seconds):
            connection = await self._open(address, session)
            if not self._is_shared and await _has_pooler(connection):
                if not self._is_shared:
                    logger.info("a pooler is in front of %s", self.describe())
                self._is_shared = True
                connection.terminate()
                connection = await self._open(address, session)
            return connection

    @property
    def _seconds(self) -> float:
        if self._url.seconds is not None:
            return self._url.seconds
        return max(CONNECT_SECONDS / len(self._addresses), _LEAST_SECONDS)

    async def _open(self, address: Address | None, session: str) -> asyncpg.Connection:
        connection = await asyncpg.connect(
            self._url.dsn,
            host=address.host if address else None,
            port=address.port if address else None,
            user=self._url.user,
            password=self._url.password,
            database=self._url.database,
            target_session_attrs=cast(Any, session),
            timeout=math.inf,  # the limit is `_connect_to`'s, which is around all of it
            # A named statement would stay on a connection that is lent to another client next.
            statement_cache_size=0 if self._is_shared else _STATEMENTS,
        )
        _notice_silence(connection)
        return connection

    def _prefer(self, address: Address | None) -> None:
        if self._addresses[0] != address:
            logger.info("connected to %s instead of %s", address, self._addresses[0])
            self._addresses.sort(key=lambda known: known != address)

    def _refused(self, error: asyncpg.PostgresError) -> Unavailable:
        return Unavailable(
            f"The database refuses the connection; {_ASK}",
            reason=f"Check {self._variable}: the database {self.describe()} refuses the "
            f"connection: {_reason(error)}.",
        )

    def _unreachable(self, reasons: Mapping[str, Exception]) -> Unavailable:
        reason = "; ".join(reasons)
        return Unavailable(
            f"The database can't be used at present. Try again; if it stays so, {_ASK}",
            reason=f"The database {self.describe()} can't be used: {reason}. Try again; if it "
            f"stays so, check {self._variable}{self._instead}.",
        )

    def describe(self) -> str:
        """Name the database without its password and options."""
        return self._url.describe()


class EmbeddedConnector:
    """Connects to the embedded PostgreSQL, starting it when it isn't running.

    If the data folder was replaced by another one, `bring_up` gets a connector to the new one
    before anybody else does.
    """

    is_shared = False
    is_local = True

    def __init__(
        self, root: Root, bring_up: Callable[["Connector"], Awaitable[object]] | None = None
    ) -> None:
        self._root = root
        self._bring_up = bring_up
        self._opened = 0

    async def connect(self) -> asyncpg.Connection:
        """Open a connection; see `Connector.connect`. Heals a server that was killed."""
        for pause in (*_PAUSES, None):
            try:
                return await self._start_and_connect()
            except _STARTING as error:
                # Killed between being found alive and being connected to: look again.
                if pause is None:
                    raise self._unusable(f"doesn't answer: {_reason(error)}. Try again") from error
                await asyncio.sleep(pause)
            except asyncpg.InvalidPasswordError as error:
                raise self._unusable(
                    f"refuses the password in '{self._root.password}', which isn't its own. Delete "
                    "that file: it gets a new one then"
                ) from error
            except (*GONE, asyncpg.PostgresError) as error:
                raise self._unusable(
                    f"can't be used: {_reason(error)}. `promptstack db status` shows its log"
                ) from error
        raise AssertionError("the last attempt returns or raises")

    async def _start_and_connect(self) -> asyncpg.Connection:
        try:
            info = await asyncio.to_thread(ensure, self._root)
        except EmbeddedError as error:
            message = _AWAY if isinstance(error, DataAway) else _UNUSABLE
            raise Unavailable(message, reason=str(error)) from error
        if self._opened and info.opened != self._opened and self._bring_up is not None:
            await self._bring_up(EmbeddedConnector(self._root))
        self._opened = info.opened
        return await asyncpg.connect(
            host=info.host,
            port=info.port,
            user=info.user,
            password=info.password,
            database=info.database,
            timeout=seconds_of_environment() or CONNECT_SECONDS,
            server_settings=_APPLICATION,
        )

    def _unusable(self, how: str) -> Unavailable:
        return Unavailable(_UNUSABLE, reason=f"The embedded PostgreSQL {how}.")

    def describe(self) -> str:
        """Name the place where the database lives."""
        return f"the embedded PostgreSQL in {self._root.path}"


def _notice_silence(connection: asyncpg.Connection) -> None:
    """Have the system end a connection whose other end is silent, as after a loss of power.

    By default the system would wait for a quarter of an hour. The driver has no option for it.
    """
    network = connection._transport.get_extra_info("socket")  # type: ignore[attr-defined]
    if network is None or network.family not in (socket.AF_INET, socket.AF_INET6):
        return
    network.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _SILENCE.items():
        if hasattr(socket, option):
            network.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


async def _has_pooler(connection: asyncpg.Connection) -> bool:
    """Return whether a pooler answers in place of the server.

    A pooler has a process number of its own for each client, and lends it the server's processes.
    The query uses the simple protocol, which leaves no prepared statement behind.
    """
    query = f"SELECT WHERE pg_backend_pid() = {connection.get_server_pid():d}"
    try:
        return await connection.execute(query) != "SELECT 1"
    except BaseException:
        connection.terminate()
        raise


def _reason(error: BaseException, session: str = "read-write") -> str:
    if isinstance(error, TimeoutError):
        return "gave no answer in time"
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return f"is not {session} now"
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".")
