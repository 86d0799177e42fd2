"""The absence of a data folder that this process has worked with.

While the folder is missing, nothing is made in its place. A folder that is put there is opened only
once it has stopped changing: one that is still being copied would be damaged for good.
"""

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from storage.embedded import presence
from storage.embedded.errors import DataAway
from storage.embedded.identity import CONTROL, Held
from storage.embedded.locks import is_locked
from storage.embedded.paths import Root
from storage.embedded.probe import Answer, probe

SETTLING_SECONDS = 2.0
"""A folder that was put back is opened after this long without changes."""

Look = tuple[int, int, int]
"""The number of files, their total bytes, and the time of the last change in nanoseconds."""


@dataclass(slots=True)
class _Known:
    """A root whose cluster this process has worked with; `opened` counts different clusters.

    `chosen` is the cluster that was put in its place, once that has stopped changing.
    """

    held: Held | None = None
    chosen: Held | None = None
    opened: int = 0
    look: Look | None = None
    looked_at: float = 0.0


_lock = threading.Lock()
_known: dict[Path, _Known] = {}


def expect(root: Root) -> None:
    """Note that there has to be a cluster at a root, so that this process makes none."""
    with _lock:
        _known.setdefault(root.path, _Known())


def is_expected(root: Root) -> bool:
    """Return whether this process has worked with a cluster there, or `expect` was called."""
    return root.path in _known


def check_may_make(root: Root) -> None:
    """Refuse to make a cluster where this process has had one.

    Raises:
        DataAway: It has.
    """
    if is_expected(root):
        raise _away(root)


def check(root: Root) -> None:
    """Refuse to go on while the data folder is missing, or is still being put back.

    Raises:
        DataAway: It is.
    """
    with _lock:
        known = _known.get(root.path)
        if known is None:
            return
        data = root.found_data()
        if data is None:
            known.look = None
            presence.leave(root.clients)
            raise _away(root)
        if known.held is None or known.held.is_in(data[0]) or _is_open(root):
            return
        if known.chosen is None or not known.chosen.is_in(data[0]):
            presence.leave(root.clients)
            _check_settled(root, known)
            known.chosen = _open_cluster(root, data[0])


def remember(root: Root, held: Held) -> int:
    """Note an opened cluster; return the number of different clusters at this root until now."""
    with _lock:
        known = _known.setdefault(root.path, _Known())
        if known.held is not None and known.held.is_same(held):
            return known.opened
        known.held, known.chosen, known.look = held, None, None
        known.opened += 1
        return known.opened


def _check_settled(root: Root, known: _Known) -> None:
    look, now = _look(root.path), time.monotonic()
    if look != known.look:
        known.look, known.looked_at = look, now
    if now - known.looked_at < SETTLING_SECONDS:
        raise DataAway(
            f"Something was put in the place of the data folder '{root.path}', and it's opened as "
            f"soon as nothing has changed in it for {SETTLING_SECONDS:g} seconds; try again then."
        )


def _open_cluster(root: Root, data: Path) -> Held:
    try:
        return Held(data)
    except FileNotFoundError:
        raise DataAway(
            f"What was put in the place of the data folder '{root.path}' isn't a whole database: "
            f"'{data}' has no {CONTROL}. Put the rest of it there."
        ) from None


def _is_open(root: Root) -> bool:
    """Return whether another process has opened the folder that is there now; touch nothing."""
    return is_locked(root.supervisor_lock) and probe(root.sockets, root.owner.name) is Answer.READY


def _look(folder: Path) -> Look:
    count, size, changed = 0, 0, 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                status = os.lstat(os.path.join(place, name))
            except FileNotFoundError:
                continue
            count, size = count + 1, size + status.st_size
            changed = max(changed, status.st_ctime_ns)
    return count, size, changed


def _away(root: Root) -> DataAway:
    return DataAway(
        f"The data folder '{root.path}' isn't there any more. Put it back, and it's opened again; "
        f"or start {root.owner.name} anew to begin with an empty library."
    )
