"""The identity of a cluster, which a path doesn't show: folders are moved, swapped and put back.

Imported by the supervisor, so it needs nothing but the standard library.
"""

import contextlib
import os
from pathlib import Path

CONTROL = os.path.join("global", "pg_control")
_SYSTEM_BYTES = 8
_WHERE_I_AM = "/proc/self/cwd"


class Held:
    """The cluster that was in a data directory when this was made, wherever it is by now.

    It is identified by the inode of its control file, which PostgreSQL writes in place and which no
    other file can get as long as it's open here, and by the first bytes of that file: the number
    that initdb gave the cluster.
    """

    def __init__(self, data: str | Path) -> None:
        """Take hold of the cluster.

        Raises:
            OSError: There is none.
        """
        self._control = os.open(os.path.join(data, CONTROL), os.O_RDONLY | os.O_CLOEXEC)
        self._system = self._read_system()

    def is_in(self, data: str | Path) -> bool:
        """Return whether a data directory is this cluster, and neither a copy nor another one."""
        try:
            there = os.stat(os.path.join(data, CONTROL))
        except OSError:
            return False
        return os.path.samestat(os.fstat(self._control), there) and self._is_itself()

    def is_same(self, other: "Held") -> bool:
        """Return whether both hold the same cluster."""
        mine, theirs = os.fstat(self._control), os.fstat(other._control)
        return os.path.samestat(mine, theirs) and self._system == other._system

    def __del__(self) -> None:
        """Close the control file with the last reference to this."""
        with contextlib.suppress(AttributeError):  # it was never taken hold of
            os.close(self._control)

    def _is_itself(self) -> bool:
        """Return whether the control file wasn't overwritten with another cluster's."""
        return self._read_system() == self._system

    def _read_system(self) -> bytes:
        return os.pread(self._control, _SYSTEM_BYTES, 0)


def path_from_within(data: str) -> str:
    """Return the path of a data directory to start PostgreSQL with, from inside that directory.

    PostgreSQL uses relative paths there, except for its control file: it writes that at each
    checkpoint by the whole path, so into any directory that is there by then. If the system has a
    path for "the current directory", that one follows the directory wherever it is moved.
    """
    with contextlib.suppress(OSError):
        if os.path.samefile(_WHERE_I_AM, os.curdir):
            return _WHERE_I_AM
    return data
