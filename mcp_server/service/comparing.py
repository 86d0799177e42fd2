"""The program of a worker process: it compares texts with patterns, and does nothing else.

It is started as a script by an interpreter that knows no packages, so it imports nothing of ours.
On standard input each line is `[seconds, [[pattern, text], …]]`; for each pair it writes a line
`[kind, reason]`, and a line with the processor time that all of them took, in seconds. A request
that takes more than its seconds of processor time ends the process: the kernel's timer kills it,
whatever it is at.
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
"""A little behind the process that serves, where both want the processor."""
IDLE_SECONDS = 60.0
"""Without a request for so long it ends; the server has ended it long before, if there is one."""
_REASON = 500
"""Characters of a reason: so an answer fits into a pipe as a whole, or isn't in it at all."""

Compare = Callable[[str, str | None], tuple[str, str]]


def main(packages: str, memory: int) -> None:  # pragma: no cover - in a process of its own
    """Answer requests until there are no more.

    `packages` is the folder that holds `regex`, `memory` the bytes that this process may take.
    """
    # Both belong to the server, which closes standard input when it has no more use for this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.nice(NICENESS)
    with suppress(OSError, ValueError):  # not every system can
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    sys.path.append(packages)
    import regex

    def compare(pattern: str, text: str | None) -> tuple[str, str]:
        return judge(regex, pattern, text)

    serve(sys.stdin.buffer, sys.stdout.buffer, compare)


def serve(requests: BinaryIO, answers: BinaryIO, compare: Compare) -> None:
    """Answer each request; an answer that took too much memory is the last one."""
    while line := _next(requests):
        seconds, pairs = json.loads(line)
        limit_time(seconds)
        began = time.process_time()
        is_done = _answer(pairs, answers, compare)
        took = time.process_time() - began
        limit_time(0)  # before it is said to be over: what comes next isn't to be blamed
        _write(answers, took)
        if not is_done:
            return


def limit_time(seconds: float) -> None:
    """Let the kernel end this process after so much processor time; 0 takes the limit away."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def judge(regex: Any, pattern: str, text: str | None) -> tuple[str, str]:
    """Compare a text as a whole with a pattern; returns the kind of verdict, and why."""
    try:
        compiled = regex.compile(pattern)
        if text is None or compiled.fullmatch(text) is not None:
            return "match", ""
    except MemoryError:
        return "large", ""
    except Exception as error:  # of a pattern, there is nothing else that could be wrong here
        return "invalid", (str(error) or type(error).__name__)[:_REASON]
    return "mismatch", ""


def _next(requests: BinaryIO) -> bytes:
    """Wait for a request; nothing comes from a server that is gone."""
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
