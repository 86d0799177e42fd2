"""Recognising the processes that are servers and supervisors, and their folders.

A server is recognised by its command line, which every user may read: it has the inode of its
folder, which stays the same when the folder is moved. Imported by the supervisor, so it needs
nothing but the standard library.
"""

import os
import re
import sys
from pathlib import Path

SOCKET_NAME = ".s.PGSQL.5432"


def marks_of(name: str, data: str | Path, place: str) -> list[str]:
    """Return the two settings that a server is started with, so that it can be recognised.

    PostgreSQL accepts unknown settings with a dot in their names; `name` is the owner's.
    """
    return [place_mark(name, place), folder_mark(name, data)]


def place_mark(name: str, place: str | Path) -> str:
    """Return the setting that records the data directory's path when its server started."""
    return f"{name}.place={place}"


def folder_mark(name: str, data: str | Path) -> str:
    """Return the setting that identifies a data directory.

    Raises:
        OSError: The directory isn't there.
    """
    status = os.stat(data)
    return f"{_folder_setting(name)}{status.st_dev}:{status.st_ino}"


def postmaster_pid(name: str, data: str | Path) -> int | None:
    """Return the process id of a data directory's server, or None if that isn't running.

    The pid file outlives a killed server, and is copied along with the folder of a running one, so
    its number may belong to any other process.
    """
    try:
        pid = int(Path(data, "postmaster.pid").read_bytes().split(b"\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
    if pid <= 0 or not _is_postmaster(pid, name, data):
        return None
    return pid


def supervisor_pid(lock: str | Path) -> int | None:
    """Return the process id of the supervisor that holds a lock, once it has written it there."""
    try:
        pid = int(Path(lock).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return pid if any(b"-supervise" in part for part in arguments_of(pid)) else None


def arguments_of(pid: int) -> list[bytes]:
    """Return the command line of a process; it is empty if the process is dead, or a zombie."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return []
    import subprocess

    command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    line = subprocess.run(command, capture_output=True, check=False).stdout.rstrip()
    # Blanks don't show where an argument ends, but ours that matter stand between options.
    parts = re.split(rb" -(?=[-DISXc])", line)
    return [part.removeprefix(b"D ").removeprefix(b"c ") for part in parts]


def is_server(arguments: list[bytes]) -> bool:
    """Return whether a command line is PostgreSQL's."""
    return bool(arguments) and os.path.basename(arguments[0]).startswith(b"postgres")


def _is_postmaster(pid: int, name: str, data: str | Path) -> bool:
    arguments = arguments_of(pid)
    if not is_server(arguments):
        return False
    # Only the server itself keeps its arguments, and only they can be read by every user.
    if any(part.startswith(_folder_setting(name).encode()) for part in arguments):
        return folder_mark(name, data).encode() in arguments
    # A server without a mark was started by an earlier version of this program.
    if os.fsencode(os.path.abspath(data)) in arguments:
        return True
    try:
        return os.path.samefile(f"/proc/{pid}/cwd", data)
    except OSError:
        return False


def _folder_setting(name: str) -> str:
    return f"{name}.folder="
