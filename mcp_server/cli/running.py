"""What every command needs: settings, a library, an exit code."""

import sys

from mcp_server.config import Settings, read_settings
from mcp_server.logs import configure_logging
from storage.errors import Conflict, Forbidden, Invalid, NotFound, PromptError, Unavailable

_EXIT_CODES: dict[type[PromptError], int] = {
    Invalid: 2,
    Forbidden: 3,
    NotFound: 4,
    Conflict: 5,
    Unavailable: 6,
}


def settings_of(log_format: str | None = None) -> Settings:
    """Read the settings and configure logging by them."""
    import os

    environment = dict(os.environ)
    if log_format is not None:
        environment["PROMPTSTACK_LOG_FORMAT"] = log_format
    settings = read_settings(environment)
    configure_logging(settings.log_format, settings.log_level)
    return settings


def exit_code(error: PromptError) -> int:
    """Return the exit code of an error's kind."""
    return next(code for kind, code in _EXIT_CODES.items() if isinstance(error, kind))


def fail(error: PromptError) -> None:
    """Say what went wrong, in one line on standard error."""
    print(f"promptstack: {error.message}", file=sys.stderr)
