"""The process that starts PostgreSQL, watches over it, and stops it when nobody needs it.

Run as a script, `python -I -S supervisor.py --supervise PLAN`, so it sees the standard library only
and stays small. What the rest of this package must see in the same way is imported from here.
"""

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any, NamedTuple

if sys.platform != "win32":
    import fcntl

SOCKET_NAME = ".s.PGSQL.5432"
LOG_LIMIT = 5 * 2**20

# Above what any kernel gives out, so certainly nobody's.
_DEAD_PID = 2**22 + 1
_FAST_SHUTDOWN_SECONDS = 60.0
_LONGEST_TICK = 1.0
_SHORTEST_TICK = 0.01


class Plan(NamedTuple):
    """All a supervisor has to know, passed to it as JSON."""

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


def try_lock(path: str | Path, *, shared: bool = False) -> int | None:
    """Lock a file, made if needed, without waiting; return its descriptor, or None if it's taken.

    The kernel drops the lock when the process ends, however it ends.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def unlock(descriptor: int) -> None:
    """Give up a lock, also for processes that were forked while it was held."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def is_locked(path: str | Path) -> bool:
    """Tell whether somebody holds the lock exclusively."""
    if not os.path.exists(path):
        return False
    descriptor = try_lock(path, shared=True)
    if descriptor is None:
        return True
    unlock(descriptor)
    return False


def count_clients(folder: str | Path) -> int:
    """Count the live presence files, and remove the others."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return 0
    return sum(_is_present(os.path.join(folder, name)) for name in names)


def postmaster_pid(data: str | Path) -> int | None:
    """Return the process id of the server of a data directory, if it's really that.

    Its pid file outlives a killed server, and its number may be anybody's by now.
    """
    try:
        pid = int(Path(data, "postmaster.pid").read_bytes().split(b"\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
    if pid <= 0 or not _is_postmaster(pid, data):
        return None
    return pid


def supervisor_pid(lock: str | Path) -> int | None:
    """Return the process id of the supervisor that holds a lock, once it has written it there."""
    try:
        pid = int(Path(lock).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return pid if any(b"-supervise" in part for part in _arguments(pid)) else None


def tail(path: str | Path, lines: int = 20, since: int = 0) -> str:
    """Return the last lines of a log."""
    try:
        with open(path, "rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(since, end - 16 * 1024))
            text = log.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def open_log(path: str | Path) -> int:
    """Open a log to append to, and put it aside first when it has grown too big."""
    try:
        if os.stat(path).st_size > LOG_LIMIT:
            os.replace(path, f"{path}.1")
    except FileNotFoundError:
        pass
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def supervise(plan: Plan) -> None:
    """Become a supervisor in the background, unless there's one already."""
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
        Path(plan.failure).write_text(traceback.format_exc())
        raise


class _Watch:
    """One server, from its start, or from when it was found, to its end."""

    def __init__(self, plan: Plan, lock: int) -> None:
        self._plan = plan
        self._lock = lock
        self._told_to_stop = False
        self._child: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self._alarm = self._listen_to_signals()
        self._bells = [self._alarm]

    def run(self) -> None:
        Path(self._plan.failure).unlink(missing_ok=True)
        log_start = self._find_or_start()
        needed_at = time.monotonic()
        while self._is_running():
            self._sleep()
            if self._told_to_stop or self._is_orphaned() or self._is_unreachable():
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
        # Only a parent gets a signal. Where this isn't known either, each tick looks for it.
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                self._bells.append(os.pidfd_open(pid))

    def _be_told_to_stop(self, number: int, frame: object) -> None:
        self._told_to_stop = True

    def _find_or_start(self) -> int:
        plan = self._plan
        if pid := postmaster_pid(plan.data):
            self._pid = pid
            self._listen_to_end_of(pid)
            self._say(f"takes over the running server {pid}")
            return 0
        _clear_traces(plan)
        log = open_log(plan.log)
        start = os.lseek(log, 0, os.SEEK_END)
        self._child = subprocess.Popen(
            plan.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
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
        return _is_postmaster(self._pid, self._plan.data)

    def _is_orphaned(self) -> bool:
        try:
            return not os.path.samestat(os.fstat(self._lock), os.stat(self._plan.supervisor_lock))
        except FileNotFoundError:
            return True

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
        lock = try_lock(self._plan.start_lock)
        if lock is None:
            return
        # A client makes itself seen before it asks for this lock, so whoever isn't seen by now
        # waits for the lock, and then finds the server stopped.
        try:
            if not count_clients(self._plan.clients):
                self._say("stops as nobody has been here for a while")
                self._stop()
        finally:
            unlock(lock)

    def _stop(self) -> None:
        self._signal(signal.SIGINT)
        deadline = time.monotonic() + _FAST_SHUTDOWN_SECONDS
        while self._is_running():
            if time.monotonic() > deadline:
                self._signal(signal.SIGQUIT)
                deadline += _FAST_SHUTDOWN_SECONDS
            self._sleep(0.01)

    def _signal(self, number: int) -> None:
        if self._is_running():
            os.kill(self._pid, number)

    def _report(self, log_start: int) -> None:
        code = self._child.returncode if self._child else 0
        self._say(f"ends; the server's exit code was {code}")
        # A killed server is started anew by whoever needs it; one that gave up would do so again.
        if code > 0:
            ending = tail(self._plan.log, since=log_start)
            Path(self._plan.failure).write_text(f"PostgreSQL gave up:\n{ending}")

    def _say(self, what: str) -> None:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S %Z")
        print(f"{stamp} supervisor {os.getpid()} {what}.", flush=True)


def _become_the_only_one(plan: Plan) -> int | None:
    # Somebody who only looks whether the lock is taken takes it for a moment.
    for _ in range(20):
        if (lock := try_lock(plan.supervisor_lock)) is not None:
            return lock
        time.sleep(0.005)
    return None


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


def _is_postmaster(pid: int, data: str | Path) -> bool:
    program, *arguments = _arguments(pid) or [b""]
    if not os.path.basename(program).startswith(b"postgres"):
        return False
    # Only the server itself keeps its arguments, and only they can be read by every user.
    if os.fsencode(data) in arguments:
        return True
    try:
        return os.path.samefile(f"/proc/{pid}/cwd", data)
    except OSError:
        return False


def _arguments(pid: int) -> list[bytes]:
    """Return the command line of a process; there is none if it's dead, buried or not."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return []
    command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    line = subprocess.run(command, capture_output=True, check=False).stdout.rstrip()
    # Blanks don't show where an argument ends, but ours that matter stand between options.
    return [part.removeprefix(b"D ") for part in re.split(rb" -(?=[-DISXc])", line)]


def _clear_traces(plan: Plan) -> None:
    """Make PostgreSQL see that the last server of this data directory is gone.

    It would take any process of the number in postmaster.pid for that server. The rest of the
    file stays, for in it PostgreSQL finds the memory that children of a killed server may still
    use.
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


if __name__ == "__main__":
    supervise(Plan(**json.loads(sys.argv[2])))
