"""The presence of this process at a data root: a locked file, which the kernel unlocks for us."""

import os
import sys
import threading
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_lock = threading.Lock()
_held: dict[Path, int] = {}


def register(folder: Path) -> None:
    """Be present in `folder` for the rest of this process's life."""
    with _lock:
        descriptor = _held.get(folder)
        if descriptor is not None:
            # The folder may have been removed under a process that goes on.
            if os.fstat(descriptor).st_nlink:
                return
            os.close(_held.pop(folder))
        _held[folder] = _present_file(folder)


def _present_file(folder: Path) -> int:
    while True:
        path = folder / f"{os.getpid()}-{os.urandom(4).hex()}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Somebody who counts takes a file that isn't locked yet for one left behind.
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)


def _forget_after_fork() -> None:
    # The lock is the parent's; a child that works on must be present itself.
    global _lock
    _lock = threading.Lock()
    while _held:
        os.close(_held.popitem()[1])


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_forget_after_fork)
