"""The processes of a server whose data folder was removed under it.

They go on for a while, and reopen files by their old paths: in a new cluster of the same place, one
would write into a log that isn't its own.
"""

import os
import signal
import time
from pathlib import Path

_REMOVED = " (deleted)"
_PATIENCE_SECONDS = 5.0


def end_orphans(root: Path) -> None:
    """End every process that still works in a removed folder of this root; their data is gone.

    Where there is no /proc, such processes can't be told from others and are left alone.
    """
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < ends_at and (orphans := _find_orphans(root)):
        for pid in orphans:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.01)


def _find_orphans(root: Path) -> list[int]:
    proc = Path("/proc")
    if not proc.is_dir():
        return []
    pids = (int(entry.name) for entry in proc.iterdir() if entry.name.isdigit())
    return [pid for pid in pids if _works_in_removed(root, pid)]


def _works_in_removed(root: Path, pid: int) -> bool:
    try:
        folder = os.readlink(f"/proc/{pid}/cwd")
    except OSError:  # it's gone, or somebody else's
        return False
    return folder.startswith(f"{root}{os.sep}pg") and folder.endswith(_REMOVED)
