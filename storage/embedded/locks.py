"""Locks on files, which the kernel drops when their holder ends, however it ends.

Imported by the supervisor, so it needs nothing but the standard library.
"""

import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl


def try_lock(path: str | Path, *, shared: bool = False) -> int | None:
    """Lock a file, made if needed, without waiting; return its descriptor, or None if it's taken.

    The kernel drops the lock when the process ends, however it ends.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def unlock(descriptor: int) -> None:
    """Give up a lock, also for processes that were forked while it was held."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def is_locked(path: str | Path) -> bool:
    """Return whether any process holds the lock exclusively."""
    if not os.path.exists(path):
        return False
    descriptor = try_lock(path, shared=True)
    if descriptor is None:
        return True
    unlock(descriptor)
    return False


def is_open_at(descriptor: int, path: str | Path) -> bool:
    """Return whether a path still leads to an open file; its folder may have been replaced."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False
