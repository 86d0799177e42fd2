"""Import: files become prompts, and doing it again changes nothing."""

from dataclasses import replace
from typing import Literal

from mcp_server.domain.drafts import content_hash
from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.names import check_name
from mcp_server.service.writing import Writer, metadata_of
from storage.database import Database, Transaction
from storage.entities import Draft, Metadata, Prompt, Version

Outcome = Literal["created", "new version", "updated", "unchanged"]


class Importing:
    """Brings prompts in from files."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    async def take(self, file: PromptFile, *, by: str) -> Outcome:
        """Bring one prompt in.

        Content that the prompt has, or had before, writes nothing: importing an old file again
        never overrides what came after it. Labels stay where they are.

        Raises:
            Invalid, Forbidden, Unavailable: as for `Prompts.create` and `Prompts.update`.
        """
        check_name(file.metadata.name)
        author, message = file.created_by or by, f"Import from {file.source}"
        async with self._database.reading() as tx:
            present = await tx.prompts.find(file.metadata.name)
            if present is not None and await _has_it(tx, present, file):
                return "unchanged"
        if present is None:
            await self._writer.create(file.metadata, file.draft, by=author, commit_message=message)
            return "created"
        return await self._revise(present, file, author, message)

    async def _revise(
        self, present: Prompt, file: PromptFile, author: str, message: str
    ) -> Outcome:
        def edit(prompt: Prompt, head: Version) -> tuple[Metadata, Draft]:
            return _merged(metadata_of(prompt), file), file.draft

        saved = await self._writer.revise(present.name, edit, by=author, commit_message=message)
        if saved.new_version:
            return "new version"
        return "updated" if saved.changed else "unchanged"


async def _has_it(tx: Transaction, present: Prompt, file: PromptFile) -> bool:
    """Return whether nothing is to be done: the content is old, or all is as the file says."""
    if present.archived_at is not None:
        return True
    known = await tx.versions.find_by_hash(present.id, content_hash(file.draft))
    if known is None:
        return False
    there = metadata_of(present)
    return known != present.latest_version or there == _merged(there, file)


def _merged(present: Metadata, file: PromptFile) -> Metadata:
    """Let the file decide what it says something about; the rest stays as it is."""
    return replace(present, **{name: getattr(file.metadata, name) for name in file.says})
