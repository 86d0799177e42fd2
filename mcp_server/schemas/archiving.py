"""Archiving: taking prompts out of use, and bringing them back."""

from pydantic import Field

from mcp_server.schemas.base import Shape, Time
from mcp_server.schemas.composition import Force, Warnings
from mcp_server.schemas.prompts import Named
from mcp_server.service.results import Archiving


class ArchiveIn(Named):
    """A prompt to be archived or restored."""

    restore: bool = Field(False, description="Give true to bring an archived prompt back instead.")
    force: Force = False


class ArchivedOut(Shape):
    """Whether a prompt is archived now."""

    name: str = Field(description="The prompt's name.")
    archived: bool = Field(description="Whether it is archived now.")
    archived_at: Time | None = Field(None, description="When it was archived.")
    warnings: Warnings = None


def present_archived(archiving: Archiving) -> ArchivedOut:
    """Present whether a prompt is archived."""
    prompt = archiving.prompt
    return ArchivedOut(
        name=prompt.name,
        archived=prompt.archived_at is not None,
        archived_at=prompt.archived_at,
        warnings=list(archiving.warnings) or None,
    )
