"""Processes that tests start: with signals as they are by default, and gone when the block is.

Each begins a session of its own, so whatever it starts ends with it, unless that left on purpose.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, CompletedProcess, Popen
from typing import Any

SECONDS = 180
"""How long anything may take that a test waits for, however busy the machine is. It isn't a promise
that anything is done by then: it only ends a test that would wait for ever."""

PATIENT = {"PGCONNECT_TIMEOUT": str(SECONDS)}
"""What lets a process wait for its database for as long as a test may wait."""

HANDED_DOWN = PATIENT | {
    name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")
}
"""What a process gets of this one's environment, whatever else it gets: patience, and what lets it
measure coverage where this one does."""

_LEFT_TO_CHILDREN = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT)
Command = Sequence[str | Path]


def hand_down_default_signals() -> None:
    """Let children meet signals as they come, however this process was started.

    What is ignored stays ignored in every child (`nohup`, a job in the background); what is caught
    doesn't. So what is ignored here is caught instead, and nothing is done about it.
    """
    for number in _LEFT_TO_CHILDREN:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _LEFT_TO_CHILDREN)


@contextmanager
def started(command: Command, **options: Any) -> Iterator["Popen[Any]"]:
    """Run a process while the block runs; `options` are those of `Popen`."""
    process = start(command, **options)
    try:
        yield process
    finally:
        end(process)


def start(command: Command, **options: Any) -> "Popen[Any]":
    """Start a process that somebody has to `end`."""
    return Popen([*map(str, command)], **_with_defaults(options), start_new_session=True)


def end(process: "Popen[Any]") -> None:
    """Kill a process with whatever it started, bury it and close its pipes."""
    _kill_group(process.pid)
    process.wait(SECONDS)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(OSError):  # what is left to write, nobody reads any more
                pipe.close()


def run(
    command: Command,
    given: str | bytes | None = None,
    *,
    timeout: float = SECONDS,
    check: bool = False,
    **options: Any,
) -> "CompletedProcess[Any]":
    """Run a process to its end, give it this to read, and return what it said.

    Raises:
        AssertionError: `check`, and it failed.
        TimeoutExpired: it didn't end in time; it has now.
    """
    pipes = {"stdout": PIPE, "stderr": PIPE} | ({} if given is None else {"stdin": PIPE})
    with started(command, **pipes | options) as process:
        out, errors = process.communicate(given, timeout)
    done = CompletedProcess(command, process.returncode, out, errors)
    assert not (check and done.returncode), (done.returncode, out, errors)
    return done


@asynccontextmanager
async def started_async(
    command: Command, **options: Any
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a process while the block runs, its pipes read by the event loop."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), **_with_defaults(options), start_new_session=True
    )
    try:
        yield process
    finally:
        _kill_group(process.pid)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                # Until its end is read, the event loop doesn't let go of a pipe.
                await asyncio.wait_for(pipe.read(), SECONDS)
        await process.wait()


def _with_defaults(options: dict[str, Any]) -> dict[str, Any]:
    given = options.get("env")
    measuring = {} if given is None else {"env": {**HANDED_DOWN, **given}}
    return {"stdin": DEVNULL} | options | measuring


def _kill_group(leader: int) -> None:
    # The second is macOS's word for a group that is dead and not yet buried.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
