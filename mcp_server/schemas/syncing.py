"""The outcome of a sync, as plain JSON."""

from typing import Literal

from pydantic import Field

from mcp_server.schemas.base import Shape

SyncKind = Literal["taken", "written", "in step", "left"]


class SyncedOut(Shape):
    """What became of one prompt, in its file and in the library."""

    source: str = Field(description="Where in the folder its file is, or its name without one.")
    name: str = Field(description="The prompt's name.")
    kind: SyncKind = Field(description="Whether the library took the file, or was written to it.")
    version: int | None = Field(None, description="The version that is in the file.")
    message: str | None = Field(None, description="Why it was left as it is.")
    remarks: list[str] | None = Field(
        None, description="What of it isn't kept on the other side, or wasn't read as it looks."
    )


class SyncOut(Shape):
    """What a sync did."""

    left: int = Field(description="Prompts and files that aren't in step.")
    not_asked_for: int = Field(description="Files of prompts that the filter leaves out.")
    remarks: list[str] = Field(description="What is to be said of files that can't be synced.")
    items: list[SyncedOut] = Field(
        description="What became of the prompts that weren't in step, and of those with remarks."
    )
