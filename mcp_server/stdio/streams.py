"""The process's standard streams, taken for the protocol alone."""

from __future__ import annotations

import fcntl
import io
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, TextIO

logger = logging.getLogger(__name__)


def take_standard_input() -> BinaryIO:
    """Return standard input for one reader alone; others find it empty."""
    private = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 3)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    # Never closed: a thread may still wait for its next line when the server ends.
    return os.fdopen(private, "rb", closefd=False)


@contextmanager
def standard_output() -> Iterator[TextIO]:
    """Take standard output for one writer alone; other output goes to standard error.

    Once the client has left, output is thrown away, but its earlier requests are still done. The
    output is closed here, since the interpreter would print a traceback when it flushes on exit.
    """
    private = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 3)
    _divert_output()
    output = _Output(os.fdopen(private, "wb"), encoding="utf-8")
    try:
        yield output
    finally:
        with suppress(OSError):
            output.close()


class _Output(io.TextIOWrapper):
    """Text output that stops once its reader has left."""

    _is_read = True

    def write(self, text: str, /) -> int:
        """Write a text, or nothing once the reader has left."""
        if self._is_read:
            with self._noting():
                return super().write(text)
        return len(text)

    def flush(self) -> None:
        """Send buffered text, or nothing once the reader has left."""
        if self._is_read:
            with self._noting():
                super().flush()

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            self._is_read = False
            logger.info("the client closed its end in the middle of an answer")


def _divert_output() -> None:
    try:
        os.dup2(2, 1)
    except OSError:  # there is no standard error
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.close(nothing)
