"""The process's standard streams, taken for the protocol alone."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, TextIO


def take_standard_input() -> BinaryIO:
    """Return standard input for one reader alone; whoever else reads it finds nothing."""
    private = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 3)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    # Never closed: a thread may still wait for its next line when the server ends.
    return os.fdopen(private, "rb", closefd=False)


@contextmanager
def standard_output() -> Iterator[TextIO]:
    """Take standard output for one writer alone; what others write goes to standard error.

    What couldn't be written is thrown away at the end: a client that left doesn't read it, and the
    interpreter would try once more and print a traceback.
    """
    private = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 3)
    _divert_output()
    output = os.fdopen(private, "w", encoding="utf-8")
    try:
        yield output
    finally:
        with suppress(OSError):
            output.close()


def _divert_output() -> None:
    try:
        os.dup2(2, 1)
    except OSError:  # there is no standard error
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.close(nothing)
