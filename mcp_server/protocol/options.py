"""What a server is told when it is built."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from mcp_server.service.views import View

if TYPE_CHECKING:
    from mcp_server.service.library import Library

Ready: TypeAlias = "Callable[[], Awaitable[Library]]"
"""Waits for the library; raises Unavailable where it can't be brought up."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What the server publishes, to whom it writes as, and how long its pages are.

    `actor` is named as the author of writes, unless a request names one. Without `page_size` lists
    come whole unless they are too long, since many clients never ask for a second page.
    `state_keys` seal what a client hands back when it was asked something; all replicas need the
    same ones. Requests are `traced` as OpenTelemetry's spans, which takes time even where nothing
    collects them.
    """

    version: str
    actor: str
    view: View = field(default_factory=View)
    page_size: int | None = None
    state_keys: tuple[str, ...] = ()
    traced: bool = True
