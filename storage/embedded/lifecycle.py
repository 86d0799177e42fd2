"""Join the embedded PostgreSQL of a data root, starting it if it isn't running."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from storage.embedded import absence, presence
from storage.embedded.errors import DataAway, EmbeddedError
from storage.embedded.failures import spaced
from storage.embedded.identity import Held
from storage.embedded.locks import is_locked, is_open_at, try_lock, unlock
from storage.embedded.logs import tail
from storage.embedded.paths import Root
from storage.embedded.probe import PORT, Answer, probe
from storage.embedded.processes import postmaster_pid, supervisor_pid

_PATIENCE_SECONDS = 120.0
# Children of a killed server live on until they next check for it.
_ORPHANS_SECONDS = 15.0
_MOST_LAUNCHES = 5
_FIRST_TICK_SECONDS = 0.005
_LAST_TICK_SECONDS = 0.05


@dataclass(frozen=True)
class ConnInfo:
    """Where and as whom to connect; `host` is the folder of a Unix socket.

    `opened` counts the different clusters that this process has met there; more than one means that
    the data folder was replaced.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    opened: int = 1


def ensure(root: Root) -> ConnInfo:
    """Return how to connect to the running server, and keep it running while this process lives.

    Blocks: for milliseconds where the server runs, for about a second the first time. Call it
    again whenever a connection is refused.

    Raises:
        DataAway: There was a data folder, and now it's missing, or still being put back.
        EmbeddedError: It can't be started.
    """
    with _explained(root):
        absence.check(root)
        root.prepare(may_make=not absence.is_expected(root))
        presence.register(root.clients)
        held = _hold(root)
        if held is None or not _is_served(root) or root.read_password() is None:
            _serve(root)
            held = _hold(root)
        return _connection(root, held)


def _hold(root: Root) -> Held | None:
    found = root.found_data()
    with contextlib.suppress(FileNotFoundError):
        return Held(found[0]) if found else None
    return None


def _connection(root: Root, held: Held | None) -> ConnInfo:
    """Return the connection details of a held cluster that is being served.

    Raises:
        DataAway: Another cluster is in its place by now.
    """
    password, found = root.read_password(), root.found_data()
    if held is None or password is None or found is None or not held.is_in(found[0]):
        raise DataAway(
            f"The data folder '{root.path}' was moved or replaced while it was opened; try again."
        )
    opened = absence.remember(root, held)
    name = root.owner.name
    return ConnInfo(str(root.sockets), PORT, name, password, name, opened)


@dataclass(frozen=True)
class Status:
    """The state of a data root; `clients` counts the processes that use it."""

    running: bool
    pid: int | None
    version: str | None
    data_dir: Path | None
    socket_dir: Path
    clients: int
    size: int
    log_tail: str


def status(root: Root) -> Status:
    """Describe the server and its data; start nothing.

    Raises:
        EmbeddedError: The data can't be read.
    """
    with _explained(root):
        found = root.found_data()
        return Status(
            running=_probe(root) is not Answer.NONE,
            pid=postmaster_pid(root.owner.name, found[0]) if found else None,
            version=_version(root, found[1]) if found else None,
            data_dir=found[0] if found else None,
            socket_dir=root.sockets,
            clients=presence.count_clients(root.clients),
            size=_size(found[0]) if found else 0,
            log_tail=tail(root.log),
        )


def stop(root: Root) -> bool:
    """Stop the server, even if it is in use, and return whether it was running.

    The next client that needs it starts it again.

    Raises:
        EmbeddedError: It can't be stopped.
    """
    with _explained(root):
        if not root.path.is_dir():
            return False
        patience = _Patience(root)
        with _start_lock(root, patience):
            return _stop_server(root, patience)


class _Patience:
    """How long to wait for a server that shows no sign of life."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._tick = _FIRST_TICK_SECONDS
        self._ends_at = time.monotonic() + _PATIENCE_SECONDS

    def wait(self) -> None:
        if time.monotonic() >= self._ends_at:
            # The repair of a big database after a crash takes as long as it takes.
            if _probe(self._root) is not Answer.BUSY:
                raise _failure(self._root, f"didn't answer within {_PATIENCE_SECONDS:.0f} seconds")
            self._ends_at = time.monotonic() + _PATIENCE_SECONDS
        time.sleep(self._tick)
        self._tick = min(self._tick * 1.1, _LAST_TICK_SECONDS)


@contextlib.contextmanager
def _explained(root: Root) -> Iterator[None]:
    if sys.platform == "win32":
        raise EmbeddedError(
            "The embedded PostgreSQL doesn't run on Windows; set "
            f"{root.owner.server_setting} to a PostgreSQL server."
        )
    try:
        yield
    except OSError as error:
        raise EmbeddedError(
            f"The embedded PostgreSQL in '{root.path}' can't be used ({error}); mend that, or name "
            f"another folder in {root.owner.folder_setting}, or set {root.owner.server_setting}."
        ) from error


def _is_served(root: Root) -> bool:
    # A supervisor stops for idleness under this lock, and looks for clients once more before.
    lock = try_lock(root.start_lock, shared=True)
    if lock is None:
        return False
    try:
        return is_locked(root.supervisor_lock) and _probe(root) is Answer.READY
    finally:
        unlock(lock)


def _serve(root: Root) -> None:
    # Joining a running server, at each start of an assistant, needn't wait for this import.
    from storage.embedded.plans import launch_supervisor, prepare

    patience = _Patience(root)
    with spaced(root), _start_lock(root, patience):
        if root.found_data() and root.read_password() is None:
            _stop_server(root, patience)
        launches, began_at = 0, time.monotonic()
        while not is_locked(root.supervisor_lock) or _probe(root) is not Answer.READY:
            if not is_locked(root.supervisor_lock):
                if launches:
                    _check_retry(root, launches, time.monotonic() - began_at)
                absence.check(root)
                launch_supervisor(root, prepare(root))
                launches += 1
            patience.wait()


def _check_retry(root: Root, launches: int, seconds: float) -> None:
    """Raise unless it makes sense to restart a server that has just ended."""
    reason = root.failure.read_text(errors="replace") if root.failure.exists() else ""
    if "still in use" in reason and seconds < _ORPHANS_SECONDS:
        return
    if reason:
        raise _failure(root, "didn't start", reason)
    if launches >= _MOST_LAUNCHES:
        raise _failure(root, f"ended {launches} times while it started")


def _failure(root: Root, what: str, reason: str = "") -> EmbeddedError:
    return EmbeddedError(
        f"The embedded PostgreSQL in '{root.path}' {what}; mend what its log '{root.log}' says, or "
        f"name another folder in {root.owner.folder_setting}, or set {root.owner.server_setting}.\n"
        f"{reason or tail(root.log)}"
    )


@contextlib.contextmanager
def _start_lock(root: Root, patience: _Patience) -> Iterator[None]:
    while True:
        lock = try_lock(root.start_lock)
        if lock is not None and is_open_at(lock, root.start_lock):
            break
        if lock is not None:  # of a folder that is no longer here
            unlock(lock)
        patience.wait()
    try:
        yield
    finally:
        unlock(lock)


def _stop_server(root: Root, patience: _Patience) -> bool:
    was_running = False
    while is_locked(root.supervisor_lock):
        # Its number is in the file a moment after it has the lock.
        if not was_running and (pid := supervisor_pid(root.supervisor_lock)):
            _send(pid, signal.SIGTERM)
            was_running = True
        patience.wait()
    found = root.found_data()
    if found and (pid := postmaster_pid(root.owner.name, found[0])):
        _send(pid, signal.SIGINT)
        was_running = True
        while postmaster_pid(root.owner.name, found[0]):
            patience.wait()
    return was_running


def _probe(root: Root) -> Answer:
    return probe(root.sockets, root.owner.name)


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _version(root: Root, major: int) -> str:
    from storage.embedded.binaries import staged_binaries

    staged = staged_binaries(root.path, major)
    return staged.label if staged else str(major)


def _size(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            # The server removes files while we look.
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total
