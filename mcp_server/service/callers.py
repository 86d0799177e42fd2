"""Who acts, through which door, and what they may see and do."""

from dataclasses import dataclass, field
from typing import Literal

from mcp_server.service.readers import Reader
from mcp_server.service.views import View
from storage.values.errors import Forbidden

DoorName = Literal["mcp", "rest", "cli", "web"]

READ, WRITE, ADMIN = "prompts:read", "prompts:write", "prompts:admin"
SCOPES = frozenset((READ, WRITE, ADMIN))
"""What a caller can be allowed to do, in the words of OAuth (RFC 6749, 3.3)."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who acts: `name` signs what is written, and `view` is what is seen.

    `client` is the program that asks, as it names itself, and `request_id` its request.
    """

    name: str
    view: View = field(default_factory=View)
    door: DoorName = "mcp"
    client: str | None = None
    request_id: str | None = None
    scopes: frozenset[str] = SCOPES

    @property
    def may_write(self) -> bool:
        """Whether anything may be changed at all."""
        return not self.view.read_only and WRITE in self.scopes

    def check_may_write(self) -> None:
        """Refuse whoever may only read.

        Raises:
            Forbidden: nothing may be changed.
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
        """Return for whom this caller reads: without a key, for themselves."""
        return Reader(model_type, key or self.name)


def caller_in(state: object, usual: Caller, client: str | None = None) -> Caller:
    """Return who acts in a request: whom a guard noted in its state, else the usual one.

    The door is the usual one's: a guard stands in front of several.
    """
    noted: Caller = getattr(state, "caller", usual)
    request_id = getattr(state, "request_id", None)
    return Caller(noted.name, noted.view, usual.door, client, request_id, noted.scopes)
