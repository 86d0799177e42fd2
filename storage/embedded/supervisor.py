"""The process that starts PostgreSQL, watches over it, and stops it when nobody needs it.

It runs with the standard library alone, without site-packages, so it stays small. It works inside
the data root with relative paths: even if the root is moved, it reads and writes only in the root
that it was started for.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any, NamedTuple

from storage.embedded.identity import Held, path_from_within
from storage.embedded.locks import is_open_at, try_lock, unlock
from storage.embedded.logs import open_log, tail
from storage.embedded.presence import count_clients
from storage.embedded.processes import SOCKET_NAME, arguments_of, marks_of, postmaster_pid

BARE = """\
import sys
sys.path.append(sys.argv[3])
from storage.embedded.supervisor import main
main(sys.argv[2])
"""
"""Run with `--supervise`, a plan as JSON, and the folder that `storage` is imported from."""

# Above any number that a kernel gives to a process.
_DEAD_PID = 2**22 + 1
_FAST_SHUTDOWN_SECONDS = 60.0
_LONGEST_TICK = 1.0
_SHORTEST_TICK = 0.01


class Plan(NamedTuple):
    """The instructions of a supervisor, passed as JSON; files are named from within `root`."""

    owner: str
    root: str
    data: str
    sockets: str
    clients: str
    start_lock: str
    supervisor_lock: str
    failure: str
    log: str
    command: list[str]
    identity: dict[str, Any]
    idle_seconds: float


def main(plan: str) -> None:
    """Supervise a server by a plan in JSON."""
    supervise(Plan(**json.loads(plan)))


def supervise(plan: Plan) -> None:
    """Become a supervisor in the background, unless there's one already."""
    os.chdir(plan.root)
    lock = _become_the_only_one(plan)
    if lock is None:
        return
    os.ftruncate(lock, 0)
    # Not a child of the client: some hosts kill the children of what they started.
    if os.fork():
        os._exit(0)
    os.umask(0o077)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    try:
        _Watch(plan, lock).run()
    except Exception:
        _write_failure(plan, traceback.format_exc())
        raise


class _Watch:
    """The watch over one server, from its start or its discovery to its end."""

    def __init__(self, plan: Plan, lock: int) -> None:
        self._plan = plan
        self._lock = lock
        self._told_to_stop = False
        self._child: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self._arguments: list[bytes] = []
        self._held = Held(plan.data)
        self._alarm = self._listen_to_signals()
        self._bells = [self._alarm]

    def run(self) -> None:
        Path(self._plan.failure).unlink(missing_ok=True)
        log_start = self._find_or_start()
        needed_at = time.monotonic()
        while self._is_running():
            self._sleep()
            if not self._is_in_place() or self._told_to_stop or self._is_unreachable():
                self._say("stops on request, or as its files are gone")
                self._stop()
                continue
            if count_clients(self._plan.clients):
                needed_at = time.monotonic()
            elif time.monotonic() - needed_at >= self._plan.idle_seconds:
                self._stop_unless_needed()
        self._report(log_start)

    def _listen_to_signals(self) -> int:
        # The client's mask came with its other belongings.
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        alarm, bell = os.pipe()
        os.set_blocking(bell, False)
        signal.set_wakeup_fd(bell, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._be_told_to_stop)
        return alarm

    def _listen_to_end_of(self, pid: int) -> None:
        # Only a parent gets a signal. Where this call is missing, each tick checks it.
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                self._bells.append(os.pidfd_open(pid))

    def _be_told_to_stop(self, number: int, frame: object) -> None:
        self._told_to_stop = True

    def _find_or_start(self) -> int:
        plan = self._plan
        if pid := postmaster_pid(plan.owner, plan.data):
            self._pid, self._arguments = pid, arguments_of(pid)
            self._listen_to_end_of(pid)
            self._say(f"takes over the running server {pid}")
            return 0
        _clear_traces(plan)
        log = open_log(plan.log)
        start = os.lseek(log, 0, os.SEEK_END)
        self._child = subprocess.Popen(
            _command(plan),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=plan.data,
            start_new_session=True,
            **plan.identity,
        )
        os.close(log)
        self._pid = self._child.pid
        self._say(f"started the server {self._pid}")
        return start

    def _is_running(self) -> bool:
        if self._child is not None:
            return self._child.poll() is None
        return bool(self._arguments) and arguments_of(self._pid) == self._arguments

    def _is_in_place(self) -> bool:
        """Return whether the root's path still leads to this root, and to this cluster in it."""
        lock = os.path.join(self._plan.root, self._plan.supervisor_lock)
        data = os.path.join(self._plan.root, self._plan.data)
        return is_open_at(self._lock, lock) and self._held.is_in(data)

    def _is_unreachable(self) -> bool:
        if os.path.exists(os.path.join(self._plan.sockets, SOCKET_NAME)):
            return False
        try:
            lines = Path(self._plan.data, "postmaster.pid").read_bytes().splitlines()
        except FileNotFoundError:
            return False
        # The server adds its state, the eighth line, once it has made its socket.
        return len(lines) >= 8 and lines[0] == str(self._pid).encode()

    def _sleep(self, longest: float = _LONGEST_TICK) -> None:
        tick = max(self._plan.idle_seconds / 5, _SHORTEST_TICK)
        ringing, _, _ = select.select(self._bells, [], [], min(tick, longest))
        if self._alarm in ringing:
            os.read(self._alarm, 4096)

    def _stop_unless_needed(self) -> None:
        # Where the root is being removed, there may be no place for the lock any more.
        with contextlib.suppress(FileNotFoundError):
            lock = try_lock(self._plan.start_lock)
            if lock is None:
                return
            # A client registers before it asks for this lock, so one that isn't counted by now
            # waits for the lock, and then finds the server stopped.
            try:
                if not count_clients(self._plan.clients):
                    self._say("stops as nobody has been here for a while")
                    self._stop()
            finally:
                unlock(lock)

    def _stop(self) -> None:
        deadline = time.monotonic() + _FAST_SHUTDOWN_SECONDS
        sent = 0
        while self._is_running():
            # A clean shutdown writes a checkpoint, but nothing may be written while files are moved
            # or replaced; without it, PostgreSQL recovers at its next start.
            is_late = time.monotonic() > deadline
            number = signal.SIGINT if self._is_in_place() and not is_late else signal.SIGQUIT
            if number != sent:
                self._signal(number)
                sent = number
            self._sleep(0.01)

    def _signal(self, number: int) -> None:
        if self._is_running():
            os.kill(self._pid, number)

    def _report(self, log_start: int) -> None:
        code = self._child.returncode if self._child else 0
        self._say(f"ends; the server's exit code was {code}")
        # A killed server is restarted by the next client; one that gave up would do so again.
        if code > 0:
            ending = tail(self._plan.log, since=log_start)
            _write_failure(self._plan, f"PostgreSQL gave up:\n{ending}")

    def _say(self, message: str) -> None:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S %Z")
        print(f"{stamp} supervisor {os.getpid()} {message}.", flush=True)


def _become_the_only_one(plan: Plan) -> int | None:
    # A process that only tests the lock takes it for a moment.
    for _ in range(20):
        if (lock := try_lock(plan.supervisor_lock)) is not None:
            return lock
        time.sleep(0.005)
    return None


def _command(plan: Plan) -> list[str]:
    """Return the command line of the server, which is started in its data directory."""
    place = os.path.join(plan.root, plan.data)
    options = [part for mark in marks_of(plan.owner, plan.data, place) for part in ("-c", mark)]
    return [plan.command[0], "-D", path_from_within(place), *plan.command[1:], *options]


def _write_failure(plan: Plan, message: str) -> None:
    # Nobody will ask about a root that was removed.
    with contextlib.suppress(FileNotFoundError):
        Path(plan.failure).write_text(message)


def _clear_traces(plan: Plan) -> None:
    """Make PostgreSQL see that the last server of this data directory is gone.

    It would take any process with the number in postmaster.pid for that server. The rest of the
    file stays, since it leads PostgreSQL to the shared memory that children of a killed server may
    still use.
    """
    for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
        Path(plan.sockets, name).unlink(missing_ok=True)
    pid_file = Path(plan.data, "postmaster.pid")
    try:
        first, separator, rest = pid_file.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return
    if not first.strip().isdigit():
        pid_file.unlink()
        return
    # The server's account could have put a link here; root must not follow it.
    descriptor = os.open(pid_file, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(descriptor, "wb") as file:
        file.write(str(_DEAD_PID).encode() + separator + rest)
