"""The needs of every command: settings, a library, one event loop, an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from mcp_server.config import Settings, read_settings
from mcp_server.logs import configure_logging
from mcp_server.service.callers import Caller
from storage.values.errors import Conflict, Forbidden, Invalid, NotFound, PromptError, Unavailable

if TYPE_CHECKING:
    import typer

    from mcp_server.service.library import Library

T = TypeVar("T")

EXIT_CODES: dict[type[PromptError], int] = {
    Invalid: 2,
    Forbidden: 3,
    NotFound: 4,
    Conflict: 5,
    Unavailable: 6,
}
BUG = 1
"""The exit code of an unforeseen failure."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """The settings and the caller, which the options before the command decide."""

    settings: Settings
    caller: Caller

    @classmethod
    def of(cls, context: typer.Context) -> Invocation:
        """Return the invocation that a command's context carries."""
        invocation = context.find_object(cls)
        assert invocation is not None  # the callback comes before every command
        return invocation


def settings_of(log_format: str | None = None) -> Settings:
    """Read the settings and configure logging accordingly."""
    environment = dict(os.environ)
    if log_format is not None:
        environment["PROMPTSTACK_LOG_FORMAT"] = log_format
    settings = read_settings(environment)
    configure_logging(settings.log_format, settings.log_level)
    return settings


def use_library(context: typer.Context, use: Callable[[Library], Awaitable[T]]) -> T:
    """Open the library, do one thing with it, and close it.

    Raises:
        PromptError: `use` raised it, or the database can't be reached (Unavailable).
    """
    invocation = Invocation.of(context)

    async def opened() -> T:
        from mcp_server.app import open_library

        async with open_library(invocation.settings, invocation.caller) as library:
            return await use(library)

    return run_async(opened())


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run one command's work to its end: the only event loop of the command line."""
    import asyncio
    import gc

    gc.enable()  # off while the program starts; the work may be long
    return asyncio.run(work)


def exit_code(error: PromptError) -> int:
    """Return the exit code of an error's kind."""
    return next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), BUG)


def fail(error: PromptError) -> None:
    """Print an error's message on standard error."""
    warn(error.local)


def give_up(error: PromptError) -> NoReturn:
    """Print an error's message and end the process at once, without joining its threads."""
    fail(error)
    sys.stderr.flush()
    os._exit(exit_code(error))


def warn(sentence: str) -> None:
    """Print a sentence on standard error, where it can't be taken for output."""
    print(f"promptstack: {sentence}", file=sys.stderr)
