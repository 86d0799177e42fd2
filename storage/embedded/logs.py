"""The logs of the server and of its supervisors.

Imported by the supervisor, so it needs nothing but the standard library.
"""

import os
from pathlib import Path

LOG_LIMIT = 5 * 2**20


def tail(path: str | Path, lines: int = 20, since: int = 0) -> str:
    """Return the last lines of a log."""
    try:
        with open(path, "rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(since, end - 16 * 1024))
            text = log.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def open_log(path: str | Path) -> int:
    """Open a log to append to, after moving it aside if it has grown too big."""
    try:
        if os.stat(path).st_size > LOG_LIMIT:
            os.replace(path, f"{path}.1")
    except FileNotFoundError:
        pass
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
