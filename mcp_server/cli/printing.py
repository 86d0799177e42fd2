"""Output: exact texts, JSON, and lists that are tables for people and tabs for programs."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from storage.values.errors import Invalid

if TYPE_CHECKING:
    from mcp_server.schemas.base import Shape

_NEVER_CUT = 2
"""The number of leading columns that are never cut: they identify a row."""


def write(text: str) -> None:
    """Write a text unchanged, in UTF-8 regardless of the terminal's settings.

    Raises:
        BrokenPipeError: the reader has closed the pipe.
        Invalid: nothing can be written there.
    """
    if sys.stdout is None:
        raise Invalid("Standard output is closed. Open it, or send it to a file.")
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8", "replace"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        forget_output()
        raise Invalid(
            f"Standard output can't be written: {error.strerror}. Send it somewhere else."
        ) from None


def write_line(text: str) -> None:
    """Write a text and end the line."""
    write(f"{text}\n")


def write_json(shape: "Shape") -> None:
    """Write a shape as JSON."""
    write_line(json.dumps(shape.write(), ensure_ascii=False, indent=2))


def write_rows(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table on a terminal; elsewhere one line per row, its cells separated by tabs."""
    cells = [[_on_one_line(cell) for cell in row] for row in rows]
    if cells and is_terminal():
        _write_table(columns, cells)
        return
    write("".join("\t".join(row) + "\n" for row in cells))


def is_terminal() -> bool:
    """Return whether a person reads the output."""
    return sys.stdout is not None and sys.stdout.isatty()


def forget_output() -> None:
    """Discard buffered output: Python would complain when it flushes on exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun in the singular or plural."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _write_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        table.add_column(column, no_wrap=index < _NEVER_CUT)
    for row in rows:
        table.add_row(*(Text(cell, no_wrap=True, overflow="ellipsis") for cell in row))
    Console().print(table)


def _on_one_line(cell: object) -> str:
    return " ".join(str("" if cell is None else cell).split())
