"""Reading a database's URL as libpq does: several hosts, sockets, options for other clients."""

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from storage.values.errors import Invalid

# Options for libpq or other clients; a server that is sent one of them refuses the connection.
_FOR_OTHER_CLIENTS = frozenset(
    (
        "channel_binding", "connection_limit", "fallback_application_name",
        "gssdelegation", "gssencmode", "hostaddr", "keepalives", "keepalives_count",
        "keepalives_idle", "keepalives_interval", "load_balance_hosts", "max_protocol_version",
        "min_protocol_version", "pgbouncer", "pool_timeout", "prepared_statement_cache_size",
        "require_auth", "requirepeer", "schema", "sslcertmode", "sslcompression", "sslsni",
        "statement_cache_size", "tcp_user_timeout",
    )
)  # fmt: skip
_SESSIONS = ("any", "primary", "standby", "prefer-standby", "read-write", "read-only")
_SECRET = re.compile(r"(password\s*=\s*)[^&\s]+", re.IGNORECASE)
_USERINFO = re.compile(r"(://[^:@/]*):.*@", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """One server: a host or the folder of a socket; without a port, the usual one."""

    host: str
    port: int | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def is_socket(self) -> bool:
        """Whether this is a folder on this machine."""
        return self.host.startswith("/")


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """The parts of a URL. Without addresses, the environment (PGHOST, PGSERVICE) decides."""

    addresses: tuple[Address, ...]
    user: str | None
    password: str | None = field(repr=False)
    database: str | None
    session: str | None
    seconds: float | None
    """The time limit for connecting to each host; None if neither URL nor environment has one."""
    options: Mapping[str, str] = field(repr=False)

    @property
    def dsn(self) -> str:
        """The options for the driver, as a URL without any host or secret."""
        return f"postgresql://?{urlencode({'application_name': 'promptstack', **self.options})}"

    def describe(self) -> str:
        """Name the database without its password and options."""
        database = quote(self.database or "")
        hosts = ",".join(map(str, self.addresses))
        if any(address.is_socket for address in self.addresses):
            return f"'postgresql:///{database}?host={hosts}'"
        return f"'postgresql://{hosts}/{database}'"


def read_url(written: str, variable: str) -> DatabaseUrl:
    """Read the value of `variable`.

    Raises:
        Invalid: it isn't a PostgreSQL URL; quotes it without its password.
    """
    try:
        return _read(written)
    except ValueError as error:
        raise unusable(written, variable, str(error)) from None


def seconds_of_environment() -> float | None:
    """Return the time limit for connecting in PGCONNECT_TIMEOUT; None if that is empty.

    Raises:
        Invalid: it isn't a number of seconds.
    """
    written = os.environ.get("PGCONNECT_TIMEOUT", "")
    try:
        return _seconds(written)
    except ValueError as error:
        raise Invalid(
            f"Check PGCONNECT_TIMEOUT: '{written}' {error}.",
            fields={"PGCONNECT_TIMEOUT": str(error)},
        ) from None


def unusable(written: str, variable: str, reason: str) -> Invalid:
    """Return the error for a URL that can't be used with any server."""
    sentence = (
        f"Check {variable}: '{without_secrets(written)}' can't be used, as {reason}. "
        "Its form is postgresql://user:password@host:port/database."
    )
    return Invalid(sentence, fields={variable: reason})


def without_secrets(written: str) -> str:
    """Hide anything that may be a password, even in a malformed URL."""
    return _SECRET.sub(r"\1…", _USERINFO.sub(r"\1:…@", written))


def _read(written: str) -> DatabaseUrl:
    # The library's own messages quote their input, which may be a password.
    try:
        parts = urlsplit(written)
        options = _options(parts.query)
    except ValueError:
        raise ValueError("it isn't a URL") from None
    if parts.scheme.partition("+")[0] not in ("postgresql", "postgres") or "://" not in written:
        raise ValueError("it doesn't begin with postgresql://")
    if parts.fragment or "@" in parts.path:
        raise ValueError("a '#', '?', '/' or '@' in a password has to be percent-encoded")
    userinfo, _, hosts = parts.netloc.rpartition("@")
    user, _, password = userinfo.partition(":")
    return DatabaseUrl(
        addresses=_addresses(unquote(hosts) or options.pop("host", ""), options.pop("port", "")),
        user=unquote(user) or options.pop("user", None),
        password=unquote(password) or options.pop("password", None),
        database=unquote(parts.path.removeprefix("/")) or _database(options),
        session=_session(options.pop("target_session_attrs", None)),
        seconds=_patience(options.pop("connect_timeout", None)),
        options={name: value for name, value in options.items() if name not in _FOR_OTHER_CLIENTS},
    )


def _options(query: str) -> dict[str, str]:
    """Read the options; several hosts may be one list, or SQLAlchemy's repeated `host=`."""
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)):
        known = "sslmode" if name == "ssl" else name
        repeated = known in ("host", "port") and known in options
        options[known] = f"{options[known]},{value}" if repeated else value
    return options


def _patience(written: str | None) -> float | None:
    if written is None:
        return seconds_of_environment()
    try:
        return _seconds(written)
    except ValueError as error:
        raise ValueError(f"its connect_timeout {error}") from None


def _seconds(written: str) -> float | None:
    """Read a time limit as libpq does (its manual, 34.1.2): 0 and less mean forever."""
    if not written:
        return None
    if not re.fullmatch(r"-?[0-9]{1,9}", written):
        raise ValueError("isn't a number of seconds")
    return float(written) if int(written) > 0 else math.inf


def _session(written: str | None) -> str | None:
    if written is not None and written not in _SESSIONS:
        raise ValueError(f"its target_session_attrs is none of {', '.join(_SESSIONS)}")
    return written


def _database(options: dict[str, str]) -> str | None:
    named = [options.pop(name, None) for name in ("dbname", "database")]
    return named[0] or named[1]


def _addresses(hosts: str, ports: str) -> tuple[Address, ...]:
    if not hosts:
        if ports:
            return (Address("localhost", _port(ports)),)
        return ()
    written = hosts.split(",")
    shared = _ports(ports, len(written))
    return tuple(_address(host, port) for host, port in zip(written, shared, strict=True))


def _ports(written: str, hosts: int) -> Sequence[int | None]:
    ports = [_port(port) if port else None for port in written.split(",")]
    if len(ports) == 1:
        return ports * hosts
    if len(ports) != hosts:
        raise ValueError(f"it names {hosts} hosts but {len(ports)} ports")
    return ports


def _address(written: str, port: int | None) -> Address:
    if written.startswith("/"):
        return Address(written, port)
    match = re.fullmatch(r"(?:\[([^\]]+)\]|([^:\[\]]+))(?::(\d*))?", written)
    if match is None:
        raise ValueError("one of its hosts can't be read, or a port isn't a number")
    own = _port(match[3]) if match[3] else port
    return Address(match[1] or match[2], own)


def _port(written: str) -> int:
    # The text isn't quoted: in a malformed URL it may be a part of the password.
    if not written.isascii() or not written.isdigit() or not 0 < int(written) < 65_536:
        raise ValueError("a port isn't a number from 1 to 65535")
    return int(written)
