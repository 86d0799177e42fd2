"""The options of a server."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from mcp_server.service.callers import Caller

if TYPE_CHECKING:
    from mcp_server.service.library import Core

Ready: TypeAlias = "Callable[[], Awaitable[Core]]"
"""Waits for the library; raises Unavailable if it can't be opened."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """The server's view, page size, keys and tracing.

    `caller` acts unless a request names another one; its view is published. Without
    `page_size`, lists come whole unless they are too long, since many clients never ask for a
    second page. `state_keys` seal the state that a client hands back with an answer; all replicas
    need the same ones. If `traced`, requests become OpenTelemetry spans, which takes time even if
    nothing collects them.
    """

    version: str
    caller: Caller
    page_size: int | None = None
    state_keys: tuple[str, ...] = ()
    traced: bool = True
