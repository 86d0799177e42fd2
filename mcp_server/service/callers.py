"""Callers: their identity, their door, their view of the library and their rights."""

from dataclasses import dataclass, field
from typing import Literal

from mcp_server.service.readers import Reader
from mcp_server.service.views import View
from storage.values.errors import Forbidden

DoorName = Literal["mcp", "rest", "cli", "web"]

READ, WRITE, ADMIN = "prompts:read", "prompts:write", "prompts:admin"
SCOPES = frozenset((READ, WRITE, ADMIN))
"""The rights that a caller can have, as scopes of OAuth (RFC 6749, 3.3)."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller: `name` is the author of its writes, and `view` the part of the library it sees.

    `client` is the calling program's name for itself, and `request_id` identifies its request.
    """

    name: str
    view: View = field(default_factory=View)
    door: DoorName = "mcp"
    client: str | None = None
    request_id: str | None = None
    scopes: frozenset[str] = SCOPES

    @property
    def may_write(self) -> bool:
        """Whether the caller may change anything."""
        return not self.view.read_only and WRITE in self.scopes

    def check_may_write(self) -> None:
        """Refuse a caller that may only read.

        Raises:
            Forbidden: the view is read-only, or the caller lacks the scope to write.
        """
        if self.view.read_only:
            raise Forbidden(
                "With --read-only the library can't be changed. Leave that option out, or ask for "
                "a server that was started without it."
            )
        if WRITE not in self.scopes:
            raise Forbidden(
                f"'{self.name}' may only read. Ask whoever looks after this library for the scope "
                f"'{WRITE}'."
            )

    def reader(self, model_type: str | None = None, key: str | None = None) -> Reader:
        """Return a reader with a model and a key, which is the caller's name by default."""
        return Reader(model_type, key or self.name)


def caller_in(state: object, usual: Caller, client: str | None = None) -> Caller:
    """Return a request's caller: the one that a guard noted in its state, else the usual one.

    The door is always the usual one's, since a guard stands in front of several.
    """
    noted: Caller = getattr(state, "caller", usual)
    request_id = getattr(state, "request_id", None)
    return Caller(noted.name, noted.view, usual.door, client, request_id, noted.scopes)
