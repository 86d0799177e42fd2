"""A library as somebody sees it."""

from dataclasses import replace
from typing import Any

from mcp_server.service.callers import Caller
from mcp_server.service.library import Core, Library
from mcp_server.service.views import View
from storage.database import Database


def seen(database: Database, name: str = "me", view: View | None = None, **core: Any) -> Library:
    """Open a library of its own; `core` are the options of `Core`."""
    return Core(database, **core).seen_by(Caller(name, view or View()))


def as_(name: str, library: Library) -> Library:
    """Return a library as somebody else sees it who may see the same."""
    return library.core.seen_by(replace(library.caller, name=name))
