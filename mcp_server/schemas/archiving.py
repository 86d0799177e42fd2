"""Archiving: taking prompts out of use, and bringing them back."""

from pydantic import Field

from mcp_server.schemas.base import Shape, Time
from mcp_server.schemas.prompts import Named
from storage.entities import Prompt


class ArchiveIn(Named):
    """A prompt to be archived or restored."""

    restore: bool = Field(False, description="Give true to bring an archived prompt back instead.")
    force: bool = Field(
        False,
        description="Give true to archive it although other prompts include it; those can't be "
        "used then.",
    )


class ArchivedOut(Shape):
    """Whether a prompt is archived now."""

    name: str = Field(description="The prompt's name.")
    archived: bool = Field(description="Whether it is archived now.")
    archived_at: Time | None = Field(None, description="When it was archived.")


def present_archived(prompt: Prompt) -> ArchivedOut:
    """Present whether a prompt is archived."""
    archived = prompt.archived_at is not None
    return ArchivedOut(name=prompt.name, archived=archived, archived_at=prompt.archived_at)
