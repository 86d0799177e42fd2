"""The program of a worker process: it compares texts with patterns, and does nothing else.

It runs as a script in an interpreter without packages, so it imports nothing of ours. On standard
input each line is `[seconds, [[pattern, text], …]]`. The answer is a line `[kind, reason]` for each
pair, and a line with the processor time that all of them took, in seconds. A request that takes
more than its seconds of processor time ends the process: the kernel's timer kills it.
"""

import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, BinaryIO

NICENESS = 2
"""Lets the serving process go first when both want the processor."""
IDLE_SECONDS = 60.0
"""The process ends after this long without a request; a live server ends it much earlier."""
_REASON = 500
"""Most characters of a reason, so that an answer is written to the pipe whole or not at all."""

Compare = Callable[[str, str | None], tuple[str, str]]


def main(packages: str, memory: int) -> None:  # pragma: no cover - in a process of its own
    """Answer requests until there are no more.

    `packages` is the folder that holds `regex`, `memory` the limit of address space in bytes.
    """
    # Both are for the server, which closes standard input when it no longer needs this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.nice(NICENESS)
    with suppress(OSError, ValueError):  # not every system supports it
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    sys.path.append(packages)
    import regex

    def compare(pattern: str, text: str | None) -> tuple[str, str]:
        return judge(regex, pattern, text)

    serve(sys.stdin.buffer, sys.stdout.buffer, compare)


def serve(requests: BinaryIO, answers: BinaryIO, compare: Compare) -> None:
    """Answer each request, and stop after one that took too much memory."""
    while line := _next(requests):
        seconds, pairs = json.loads(line)
        limit_time(seconds)
        began = time.process_time()
        is_done = _answer(pairs, answers, compare)
        took = time.process_time() - began
        limit_time(
            0
        )  # before the answer is complete: a later kill would be held against another request
        _write(answers, took)
        if not is_done:
            return


def limit_time(seconds: float) -> None:
    """Have the kernel end this process after so much processor time; 0 removes the limit."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def judge(regex: Any, pattern: str, text: str | None) -> tuple[str, str]:
    """Match a whole text against a pattern; return the kind of verdict, and its reason.

    Without a text, only the pattern is checked.
    """
    try:
        compiled = regex.compile(pattern)
        if text is None or compiled.fullmatch(text) is not None:
            return "match", ""
    except MemoryError:
        return "large", ""
    except Exception as error:  # anything else is the pattern's fault
        return "invalid", (str(error) or type(error).__name__)[:_REASON]
    return "mismatch", ""


def _next(requests: BinaryIO) -> bytes:
    """Wait for a request; return nothing if the server is gone, or silent for too long."""
    ready, _, _ = select.select([requests], [], [], IDLE_SECONDS)
    return requests.readline() if ready else b""


def _answer(pairs: Iterable[tuple[str, str | None]], answers: BinaryIO, compare: Compare) -> bool:
    for pattern, text in pairs:
        kind, reason = compare(pattern, text)
        _write(answers, [kind, reason])
        if kind == "large":
            return False
    return True


def _write(answers: BinaryIO, value: object) -> None:
    answers.write(json.dumps(value).encode() + b"\n")
    answers.flush()


if __name__ == "__main__":  # pragma: no cover - in a process of its own
    main(sys.argv[1], int(sys.argv[2]))
