"""Servers whose data folder was removed, moved away or replaced while they ran.

They go on until their supervisor notices, and answer as if nothing had happened: data that is
written to one of them goes to a folder that isn't here any more.
"""

import contextlib
import os
import signal
import time
from pathlib import Path

from storage.embedded.processes import arguments_of, folder_mark, is_server, place_mark

_REMOVED = " (deleted)"
_PATIENCE_SECONDS = 5.0


def end_orphans(name: str, data: Path) -> None:
    """End every server that was started at this data directory and is no longer in it.

    They are ended at once, since a clean shutdown would write a checkpoint. Where /proc is missing
    or can't be read, such processes can't be told from others, and are left to their supervisors.
    """
    signalled: set[int] = set()
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while orphans := _find_orphans(name, data):
        if time.monotonic() > ends_at:
            _send(orphans, signal.SIGKILL)
            return
        _send(orphans - signalled, signal.SIGQUIT)
        signalled |= orphans
        time.sleep(0.01)


def _find_orphans(name: str, data: Path) -> set[int]:
    proc = Path("/proc")
    if not proc.is_dir():
        return set()
    pids = [int(entry.name) for entry in proc.iterdir() if entry.name.isdigit()]
    place, mark = place_mark(name, data).encode(), _mark(name, data)
    orphans = (pid for pid in pids if _was_moved(pid, place, mark) or _works_in_removed(pid, data))
    return {pid for pid in orphans if _sees_our_files(pid)}


def _mark(name: str, data: Path) -> bytes:
    try:
        return folder_mark(name, data).encode()
    except OSError:
        return b""


def _was_moved(pid: int, place: bytes, mark: bytes) -> bool:
    arguments = arguments_of(pid)
    return place in arguments and mark not in arguments and is_server(arguments)


def _works_in_removed(pid: int, data: Path) -> bool:
    """Return whether a process works in a removed data directory.

    The sessions of a killed server do so for a while.
    """
    try:
        return os.readlink(f"/proc/{pid}/cwd") == f"{data}{_REMOVED}"
    except OSError:  # it's gone, or somebody else's
        return False


def _sees_our_files(pid: int) -> bool:
    """Return whether a process sees our mounts: in a container the same path is another folder."""
    try:
        return os.path.samefile(f"/proc/{pid}/ns/mnt", "/proc/self/ns/mnt")
    except OSError:
        return False


def _send(pids: set[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
