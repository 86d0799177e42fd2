"""A library as somebody sees it."""

from typing import Any

from mcp_server.service.callers import Caller
from mcp_server.service.library import Core, Library
from mcp_server.service.views import View
from storage.database import Database


def seen(
    database: Database, *, name: str = "ada", view: View | None = None, **core: Any
) -> Library:
    """Open a library of its own; `core` are the options of `Core`."""
    return Core(database, **core).seen_by(Caller(name, view or View()))
