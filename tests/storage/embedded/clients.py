"""Start clients of the embedded PostgreSQL, and look at the processes of a data root."""

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import pytest

from storage.embedded.accounts import ProcessIdentity
from storage.embedded.paths import Root
from tests.support.processes import PIPE, SECONDS, end, run, start

REPOSITORY = Path(__file__).parents[3]
NOBODY = 65534

# What the SDKs of MCP leave of the environment of whoever starts a server.
_PASSED_ON = ("HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER")


class Client:
    """A process that uses a data root, told what to do line by line."""

    def __init__(
        self,
        root: Root,
        *,
        environment: Mapping[str, str] | None = None,
        python: str = sys.executable,
        identity: ProcessIdentity | None = None,
        folder: Path = REPOSITORY,
    ) -> None:
        self.process = start(
            [python, "-m", "tests.storage.embedded.client_process", *_arguments(root)],
            stdin=PIPE,
            stdout=PIPE,
            cwd=folder,
            env=client_environment() | dict(environment or {}),
            text=True,
            **(identity or {}),
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def output(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def begin(self, command: str, *arguments: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([command, *arguments]) + "\n")
        self.process.stdin.flush()

    def finish(self) -> Any:
        line = self.output.readline()
        assert line, f"The client ended with exit code {self.process.wait()}."
        kind, result = json.loads(line)
        assert kind == "ok", result
        return result

    def tell(self, command: str, *arguments: str) -> Any:
        self.begin(command, *arguments)
        return self.finish()

    def kill(self, number: int = signal.SIGKILL) -> None:
        self.process.send_signal(number)
        self.process.wait(SECONDS)

    def leave(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(SECONDS)

    def clean_up(self) -> None:
        end(self.process)


def run_arrivals(root: Root, count: int) -> None:
    """Let clients come and go; fail if one of them does."""
    command = [sys.executable, "-m", "tests.storage.embedded.arrivals", *_arguments(root)]
    run([*command, str(count)], cwd=REPOSITORY, env=client_environment(), check=True)


def python_for_all() -> str:
    """Return an interpreter like ours that every user may run; skip the test if there is none."""
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        check = [python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
        with contextlib.suppress(OSError):
            done = run(check, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/")
            if done.returncode == 0:
                return python
    pytest.skip("no Python that another user may run")


def client_environment() -> dict[str, str]:
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return environment | {"PYTHONPATH": os.pathsep.join(filter(None, map(str, sys.path)))}


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"It didn't happen in time that {what}."
        time.sleep(0.005)


def stays(condition: Callable[[], object], seconds: float) -> bool:
    """Tell whether a condition holds all the time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not condition():
            return False
        time.sleep(0.005)
    return True


def processes_of(root: Root) -> dict[int, list[str]]:
    """Return every process with this root in its command line, supervisors and servers."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if int(folder.name) != os.getpid() and any(str(root.path) in part for part in arguments):
            found[int(folder.name)] = arguments
    return found


def postmasters(root: Root) -> list[int]:
    servers = [
        pid
        for pid, arguments in processes_of(root).items()
        if os.path.basename(arguments[0]) == "postgres" and "--single" not in arguments
    ]
    # A session that has just begun still bears the command line of its server.
    return [pid for pid in servers if parent_of(pid) not in servers]


def supervisors(root: Root) -> list[int]:
    return [pid for pid, arguments in processes_of(root).items() if "--supervise" in arguments]


def parent_of(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _arguments(root: Root) -> list[str]:
    return [str(root.path.parent), str(root.idle_seconds)]
