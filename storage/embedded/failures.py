"""The pauses between attempts to start a server that didn't start, shared by all callers."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from storage.embedded.errors import DataAway, EmbeddedError
from storage.embedded.paths import Root

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 15.0


@dataclass(frozen=True, slots=True)
class _Failure:
    """The error of a failed start, which isn't tried again before `until`."""

    error: Exception
    pause: float
    until: float


_lock = threading.Lock()
_failures: dict[Path, _Failure] = {}


@contextlib.contextmanager
def spaced(root: Root) -> Iterator[None]:
    """Space out starts that fail repeatedly, as on a full disk, with ever longer pauses.

    Raises:
        EmbeddedError: It's too early to try again; repeats the last error.
    """
    before = _failures.get(root.path)
    if before is not None and time.monotonic() < before.until:
        raise EmbeddedError(str(before.error))
    try:
        yield
    except DataAway:
        raise
    except (EmbeddedError, OSError) as error:
        pause = min(before.pause * 2, LONGEST_PAUSE) if before else FIRST_PAUSE
        with _lock:
            _failures[root.path] = _Failure(error, pause, time.monotonic() + pause)
        raise
    with _lock:
        _failures.pop(root.path, None)
