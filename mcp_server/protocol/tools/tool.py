"""The form of a tool: its declaration for models, and the functions behind a call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from mcp_server.schemas.base import Shape
from mcp_server.schemas.json_schema import plain_schema

if TYPE_CHECKING:
    from mcp_server.service.library import Library

In = TypeVar("In", bound=Shape)
Out = TypeVar("Out", bound=Shape)


@dataclass(frozen=True)
class Tool(Generic[In, Out]):
    """One tool: `run` calls the caller's library, and `say` describes the outcome in words.

    `destructive` and `idempotent` are the protocol's hints; a tool that doesn't write is never
    destructive. None of the tools reaches beyond this library.
    """

    name: str
    title: str
    description: str
    input: type[In]
    output: type[Out]
    run: Callable[[Library, In], Awaitable[Out]]
    say: Callable[[Out], str]
    writes: bool
    destructive: bool
    idempotent: bool

    @cached_property
    def declaration(self) -> dict[str, Any]:
        """Its entry in `tools/list`."""
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": plain_schema(self.input, "validation"),
            "outputSchema": plain_schema(self.output, "serialization"),
            "annotations": {
                "title": self.title,
                "readOnlyHint": not self.writes,
                "destructiveHint": self.destructive,
                "idempotentHint": self.idempotent,
                "openWorldHint": False,
            },
        }
