"""The outcome of an import, as plain JSON."""

from pydantic import Field

from mcp_server.schemas.base import Shape
from mcp_server.service.outcomes import MAX_TOLD, ImportResult, OutcomeKind, OutcomeLog


class OutcomeOut(Shape):
    """What became of one prompt of a file."""

    source: str = Field(description="Where in the file it stands.")
    name: str | None = Field(None, description="The prompt's name, where it could be read.")
    kind: OutcomeKind = Field(description="What was done, or would be.")
    message: str | None = Field(None, description="Why it can't be taken.")
    remarks: list[str] | None = Field(
        None, description="What of it isn't kept, or wasn't read as it looks."
    )


class ImportOut(Shape):
    """What an import did, or would do."""

    written: bool = Field(description="Whether anything of it was kept.")
    created: int = Field(description="Prompts that weren't there.")
    new_versions: int = Field(description="Prompts that got newer texts.")
    updated: int = Field(description="Prompts of which only titles, tags, labels, … changed.")
    unchanged: int = Field(description="Prompts that have it all already.")
    failed: int = Field(description="Prompts that can't be taken.")
    remarked: int = Field(description="Prompts of which something isn't kept, or was read oddly.")
    items: list[OutcomeOut] = Field(
        description="What became of the prompts that can't be taken and of those with remarks, of "
        f"a dry run of all; the first {MAX_TOLD:,} that can't be taken, and as many others."
    )


def present_import(taken: ImportResult, told: OutcomeLog) -> ImportOut:
    """Present an import; `told` holds the outcomes to be listed."""
    count = taken.counts
    return ImportOut(
        written=taken.written,
        created=count.get("created", 0),
        new_versions=count.get("new version", 0),
        updated=count.get("updated", 0),
        unchanged=count.get("unchanged", 0),
        failed=taken.failures,
        remarked=told.remarked,
        items=[
            OutcomeOut(
                source=each.source,
                name=each.name,
                kind=each.kind,
                message=each.message,
                remarks=list(each.remarks) or None,
            )
            for each in told.items
        ],
    )
