"""The presence of processes at a data root: files that the kernel unlocks when a process ends.

The supervisor counts them, so this needs nothing but the standard library.
"""

import os
import sys
import threading
from pathlib import Path

from storage.embedded.locks import is_open_at

if sys.platform != "win32":
    import fcntl

_lock = threading.Lock()
_held: dict[Path, tuple[int, Path]] = {}


def register(folder: Path) -> None:
    """Be present in `folder` for the rest of this process's life."""
    with _lock:
        if folder in _held:
            # The folder may have been removed or moved away under a process that goes on.
            if is_open_at(*_held[folder]):
                return
            _let_go(folder)
        _held[folder] = _present_file(folder)


def leave(folder: Path) -> None:
    """Stop being present in `folder`, even if it was moved away."""
    with _lock:
        if folder in _held:
            _let_go(folder)


def count_clients(folder: str | Path) -> int:
    """Count the live presence files, and remove the others."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return 0
    return sum(_is_present(os.path.join(folder, name)) for name in names)


def _let_go(folder: Path) -> None:
    os.close(_held.pop(folder)[0])


def _present_file(folder: Path) -> tuple[int, Path]:
    while True:
        path = folder / f"{os.getpid()}-{os.urandom(4).hex()}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # A process that counts may remove a file that isn't locked yet, as one left behind.
        if os.fstat(descriptor).st_nlink:
            return descriptor, path
        os.close(descriptor)


def _is_present(path: str) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    finally:
        os.close(descriptor)
    return False


def _forget_after_fork() -> None:
    # The lock is the parent's; a child that works on must be present itself.
    global _lock
    _lock = threading.Lock()
    while _held:
        os.close(_held.popitem()[1][0])


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_forget_after_fork)
