"""What a server is told when it is built."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from mcp_server.service.callers import Caller

if TYPE_CHECKING:
    from mcp_server.service.library import Core

Ready: TypeAlias = "Callable[[], Awaitable[Core]]"
"""Waits for the library; raises Unavailable where it can't be brought up."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What the server publishes and to whom, and how long its pages are.

    `caller` is who acts, unless a request says who does. Without `page_size` lists
    come whole unless they are too long, since many clients never ask for a second page.
    `state_keys` seal what a client hands back when it was asked something; all replicas need the
    same ones. Requests are `traced` as OpenTelemetry's spans, which takes time even where nothing
    collects them.
    """

    version: str
    caller: Caller
    page_size: int | None = None
    state_keys: tuple[str, ...] = ()
    traced: bool = True
