"""Settings: read once from the environment, then passed down as values.

Plain dataclasses rather than a settings library: the stdio server reads a handful of values, and an
IDE waits for it to start (docs/decisions/0003).
"""

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, cast

from storage.errors import Invalid

LogFormat = Literal["text", "json"]


def _setting(variable: str, about: str, default: object = None, *, secret: bool = False) -> Any:
    metadata = {"variable": variable, "about": about, "secret": secret}
    return field(default=cast(Any, default), metadata=metadata)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says. `SETTINGS` describes each value for people."""

    database_url: str | None = _setting(
        "DATABASE_URL",
        "The PostgreSQL (15 or newer) to use. Without it, the embedded one is started.",
        secret=True,
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
    log_format: LogFormat = _setting(
        "PROMPTSTACK_LOG_FORMAT", "`text` or `json`; logs go to standard error.", "text"
    )
    log_level: str = _setting(
        "PROMPTSTACK_LOG_LEVEL", "`debug`, `info`, `warning` or `error`.", "warning"
    )

    @property
    def actor(self) -> str:
        """Who writes: the configured user, or the one that the system knows."""
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

    Raises:
        Invalid: a value can't be used; names every variable at fault.
    """
    given = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for known in SETTINGS:
        written = given.get(known.variable, "").strip()
        if not written:
            continue
        try:
            values[known.name] = _PARSERS.get(known.name, str)(written)
        except ValueError as error:
            faults[known.variable] = f"{known.variable} is '{written}', but {error}."
    if faults:
        raise Invalid(" ".join(faults.values()), fields=faults)
    return Settings(**values)


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


_PARSERS: dict[str, Any] = {
    "data_dir": lambda written: Path(written).expanduser(),
    "pg_bindir": lambda written: Path(written).expanduser(),
    "idle_seconds": _seconds,
    "log_format": _one_of("text", "json"),
    "log_level": _one_of("debug", "info", "warning", "error"),
}


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"uid-{os.getuid()}" if hasattr(os, "getuid") else "unknown"
