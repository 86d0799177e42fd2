"""Settings: read once from the environment, then passed down as values.

Plain dataclasses rather than a settings library: the stdio server reads a handful of values, and an
IDE waits for it to start (docs/decisions/0003).
"""

import getpass
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, cast

from mcp_server.domain.limits import Limits
from mcp_server.domain.texts import check_author, shown
from storage.values.errors import Invalid

FILE_SUFFIX = "_FILE"
"""The suffix of a variable that names the file of a secret, as container platforms mount it."""

LogFormat = Literal["text", "json"]


def _setting(variable: str, about: str, default: object = None, *, secret: bool = False) -> Any:
    metadata = {"variable": variable, "about": about, "secret": secret}
    return field(default=cast(Any, default), metadata=metadata)


_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Settings:
    """The values of the environment; `SETTINGS` describes each of them for people."""

    database_url: str | None = _setting(
        "DATABASE_URL",
        "The PostgreSQL (15 or newer) to use. Without it, the embedded one is started.",
        secret=True,
    )
    database_read_url: str | None = _setting(
        "DATABASE_READ_URL",
        "A streaming replica of it; lists and searches go there, once it has caught up.",
        secret=True,
    )
    database_listen_url: str | None = _setting(
        "DATABASE_LISTEN_URL",
        "The same database without the pooler that `DATABASE_URL` leads to.",
        secret=True,
    )
    pool_size: int | None = _setting(
        "PROMPTSTACK_POOL_SIZE",
        "How many connections to the database a process opens at most. Default: 5, for `serve` 10.",
    )
    data_dir: Path | None = _setting(
        "PROMPTSTACK_DATA_DIR", "Where the embedded PostgreSQL keeps its data."
    )
    pg_bindir: Path | None = _setting(
        "PROMPTSTACK_PG_BINDIR",
        "A folder with PostgreSQL's programs, to use instead of the installed wheel's.",
    )
    idle_seconds: float = _setting(
        "PROMPTSTACK_IDLE_SECONDS",
        "How long the embedded PostgreSQL stays up without any client.",
        60.0,
    )
    user: str | None = _setting(
        "PROMPTSTACK_USER", "Who is named as the author of writes. Default: the system's user."
    )
    remember_values: bool = _setting(
        "PROMPTSTACK_REMEMBER_VALUES",
        "Keep the values that arguments are given, to offer them again as completions.",
        True,
    )
    log_format: LogFormat = _setting(
        "PROMPTSTACK_LOG_FORMAT", "`text` or `json`; logs go to standard error.", "text"
    )
    log_level: str = _setting(
        "PROMPTSTACK_LOG_LEVEL", "`debug`, `info`, `warning` or `error`.", "warning"
    )
    host: str = _setting("PROMPTSTACK_HOST", "The address that `serve` listens on.", "127.0.0.1")
    port: int = _setting(
        "PROMPTSTACK_PORT", "The port that `serve` listens on; 0 takes a free one.", 8000
    )
    workers: int = _setting("PROMPTSTACK_WORKERS", "Processes that `serve` starts.", 1)
    stateless: bool = _setting(
        "PROMPTSTACK_STATELESS",
        "Keep no sessions for clients of earlier protocol versions, so that any worker or replica "
        "can answer them; they get no notifications then.",
        False,
    )
    allowed_hosts: tuple[str, ...] = _setting(
        "PROMPTSTACK_ALLOWED_HOSTS",
        "Host names, with or without a port, that `serve` answers to besides its own address; "
        "commas between them, `*` for any.",
        (),
    )
    allowed_origins: tuple[str, ...] = _setting(
        "PROMPTSTACK_ALLOWED_ORIGINS",
        "Origins of web pages that may use `serve` besides its own; commas between them.",
        (),
    )
    trusted_proxies: tuple[str, ...] = _setting(
        "FORWARDED_ALLOW_IPS",
        "Addresses and networks of proxies that are believed in `X-Forwarded-For`; commas between "
        "them, `*` for any.",
        ("127.0.0.1",),
    )
    cors_origins: tuple[str, ...] = _setting(
        "API_CORS_ORIGINS",
        "Origins that browsers may call the API from (CORS); commas between them, `*` for any.",
        (),
    )
    allow_dev_headers: bool = _setting(
        "API_ALLOW_DEV_HEADERS",
        "Take the author of writes from the header X-Dev-User: for local and staging use only.",
        False,
    )
    state_keys: tuple[str, ...] = _setting(
        "PROMPTSTACK_STATE_KEY",
        "The secret, 32 characters or more, that seals what a client hands back when a request is "
        "answered in two steps. All replicas need the same; `new,old` while it is being changed.",
        (),
        secret=True,
    )
    max_text: int = _setting(
        "PROMPTSTACK_MAX_TEXT",
        "The most characters of text in all messages of one version.",
        _LIMITS.text,
    )
    max_arguments: int = _setting(
        "PROMPTSTACK_MAX_ARGUMENTS", "The most arguments of one prompt.", _LIMITS.arguments
    )
    max_tags: int = _setting("PROMPTSTACK_MAX_TAGS", "The most tags of one prompt.", _LIMITS.tags)
    max_body: int = _setting(
        "PROMPTSTACK_MAX_BODY",
        "The largest request body that `serve` accepts, in bytes.",
        4_194_304,
    )
    max_import: int = _setting(
        "PROMPTSTACK_MAX_IMPORT",
        "The largest file that `serve` imports at `/import`, in bytes.",
        1_000_000_000,
    )

    max_streams_per_client: int = _setting(
        "PROMPTSTACK_MAX_STREAMS_PER_CLIENT",
        "The most streams for notifications that `serve` keeps open for one address.",
        256,
    )
    max_sessions_per_client: int = _setting(
        "PROMPTSTACK_MAX_SESSIONS_PER_CLIENT",
        "The most sessions (MCP before 2026-07-28) that `serve` keeps for one address.",
        1_000,
    )

    @property
    def limits(self) -> Limits:
        """The limits on the size of a prompt."""
        return Limits(self.max_text, self.max_arguments, self.max_tags)

    @property
    def actor(self) -> str:
        """The author of writes: the configured user, else the system's."""
        return self.user or _system_user()


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as documentation shows it."""

    name: str
    variable: str
    about: str
    default: object
    secret: bool


SETTINGS: tuple[Setting, ...] = tuple(
    Setting(
        known.name,
        known.metadata["variable"],
        known.metadata["about"],
        known.default,
        known.metadata["secret"],
    )
    for known in fields(Settings)
)


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; an empty variable counts as absent.

    A secret may also be in a file, which the variable with the suffix `_FILE` names.

    Raises:
        Invalid: a value can't be used; names every variable at fault.
    """
    variables = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for setting in SETTINGS:
        try:
            text = _setting_text(setting, variables)
            if text:
                values[setting.name] = _PARSERS.get(setting.name, str)(text)
        except ValueError as error:
            value = shown(variables.get(setting.variable, "").strip())
            subject = (
                setting.variable if setting.secret else f"{setting.variable} is '{value}', but"
            )
            faults[setting.variable] = f"{subject} {error}."
    if faults:
        raise Invalid(" ".join(faults.values()), fields=faults)
    return Settings(**values)


def _setting_text(setting: Setting, variables: Mapping[str, str]) -> str:
    """Return the text of a setting: the variable's, or that of the file with a secret."""
    text = variables.get(setting.variable, "").strip()
    file = variables.get(f"{setting.variable}{FILE_SUFFIX}", "").strip() if setting.secret else ""
    if not file:
        return text
    if text:
        raise ValueError(f"is set, and so is {setting.variable}{FILE_SUFFIX}: unset one of them")
    try:
        return Path(file).expanduser().read_text("utf-8").strip()
    except (OSError, ValueError, RuntimeError) as error:
        raise ValueError(f"can't be read from '{file}': {error}") from None


def _seconds(written: str) -> float:
    try:
        seconds = float(written)
    except ValueError:
        seconds = -1.0
    if not 0.1 <= seconds <= 86_400:
        raise ValueError("it has to be a number of seconds between 0.1 and 86400")
    return seconds


def _one_of(*allowed: str) -> Any:
    def parse(written: str) -> str:
        if written.lower() not in allowed:
            raise ValueError(f"it has to be one of {', '.join(allowed)}")
        return written.lower()

    return parse


def _number(least: int, most: int) -> Any:
    def parse(written: str) -> int:
        if not written.isascii() or not written.isdigit() or not least <= int(written) <= most:
            raise ValueError(f"it has to be a whole number from {least} to {most}")
        return int(written)

    return parse


def _switch(written: str) -> bool:
    values = {"1": True, "true": True, "yes": True, "on": True}
    values |= {"0": False, "false": False, "no": False, "off": False}
    if written.lower() not in values:
        raise ValueError("it has to be true or false")
    return values[written.lower()]


def _list(written: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in written.split(",") if part.strip())


def read_origins(written: Sequence[str]) -> tuple[str, ...]:
    """Return origins as browsers write them.

    Raises:
        Invalid: one of them isn't an origin.
    """
    try:
        return _origins(",".join(written))
    except ValueError as error:
        raise Invalid(f"{error}.", fields={"allowed_origin": "is no origin"}) from None


def _origins(written: str) -> tuple[str, ...]:
    origins = tuple(origin.rstrip("/") for origin in _list(written))
    for origin in origins:
        scheme, separator, host = origin.partition("://")
        if origin != "*" and not (scheme and separator and host and "/" not in host):
            raise ValueError(f"'{origin}' is no origin: write it like https://app.example.com")
    return origins


def _state_keys(written: str) -> tuple[str, ...]:
    keys = _list(written)
    if any(len(key.encode()) < 32 for key in keys):
        raise ValueError(
            "holds a key of less than 32 characters. Make one with: "
            'python -c "import secrets; print(secrets.token_hex(32))"'
        )
    return keys


def _path(written: str) -> Path:
    try:
        return Path(written).expanduser()
    except RuntimeError:
        user = written.partition("/")[0]
        raise ValueError(f"nobody knows the home of '{user}': write the whole path") from None


def _author(written: str) -> str:
    try:
        return check_author(written, "user")
    except Invalid as error:
        raise ValueError(f"it {error.fields['user'].rstrip('.')}") from None


_PARSERS: dict[str, Any] = {
    "pool_size": _number(1, 1_000),
    "port": _number(0, 65_535),
    "workers": _number(1, 64),
    "stateless": _switch,
    "remember_values": _switch,
    "allow_dev_headers": _switch,
    "allowed_hosts": _list,
    "trusted_proxies": _list,
    "allowed_origins": _origins,
    "cors_origins": _origins,
    "state_keys": _state_keys,
    "max_text": _number(1, 16_000_000),
    "max_arguments": _number(1, 10_000),
    "max_tags": _number(1, 10_000),
    "max_body": _number(1_000, 1_000_000_000),
    "max_import": _number(1_000, 1_000_000_000_000),
    "max_streams_per_client": _number(1, 1_000_000),
    "max_sessions_per_client": _number(1, 1_000_000),
    "data_dir": _path,
    "pg_bindir": _path,
    "user": _author,
    "idle_seconds": _seconds,
    "log_format": _one_of("text", "json"),
    "log_level": _one_of("debug", "info", "warning", "error"),
}


def _system_user() -> str:
    try:
        return check_author(getpass.getuser(), "user")
    except (KeyError, OSError, Invalid):  # a container's user may have no name
        return f"uid-{os.getuid()}" if hasattr(os, "getuid") else "unknown"
