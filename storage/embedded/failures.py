"""How long a server that didn't start is left alone, however many ask for it."""

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
    """What a start ended with; until `until` it would end so again."""

    error: Exception
    pause: float
    until: float


_lock = threading.Lock()
_failures: dict[Path, _Failure] = {}


@contextlib.contextmanager
def spaced(root: Root) -> Iterator[None]:
    """Let starts that fail one after the other, on a full disk say, be ever further apart.

    Raises:
        EmbeddedError: It's too early to try again; says what the last start ended with.
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
