"""Branches: named lines of versions, and the ancestry of versions."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import prompt_branches, prompt_versions
from storage.values.entities import Ancestry, Branch


class Branches:
    """The repository of branches. It never commits; the caller holds the prompt's lock."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def insert(self, prompt_id: UUID, branch: str, head: int, *, created_by: str) -> None:
        """Create a branch at a version.

        Raises:
            Conflict: (as the transaction ends) the prompt has a branch of that name.
        """
        await self._connection.execute(
            prompt_branches.insert().values(
                prompt_id=prompt_id, branch=branch, head=head, created_by=created_by
            )
        )

    async def point(self, prompt_id: UUID, branch: str, head: int) -> None:
        """Move a branch to another version."""
        await self._connection.execute(
            prompt_branches.update().where(*_is(prompt_id, branch)).values(head=head)
        )

    async def remove(self, prompt_id: UUID, branch: str) -> None:
        """Remove a branch; its versions stay."""
        await self._connection.execute(prompt_branches.delete().where(*_is(prompt_id, branch)))

    async def list(self, prompt_id: UUID) -> Sequence[Branch]:
        """Return a prompt's branches by name."""
        query = (
            sa.select(
                prompt_branches.c.branch,
                prompt_branches.c.head,
                prompt_branches.c.created_by,
                prompt_branches.c.created_at,
            )
            .where(prompt_branches.c.prompt_id == prompt_id)
            .order_by(prompt_branches.c.branch)
        )
        return [Branch(*row) for row in await self._connection.execute(query)]

    async def list_ancestry(self, prompt_id: UUID) -> Sequence[Ancestry]:
        """Return the ancestry of each version of a prompt."""
        query = sa.select(
            prompt_versions.c.version, prompt_versions.c.parent, prompt_versions.c.merged_from
        ).where(prompt_versions.c.prompt_id == prompt_id)
        return [Ancestry(*row) for row in await self._connection.execute(query)]


def _is(prompt_id: UUID, branch: str) -> tuple[sa.ColumnElement[bool], ...]:
    return prompt_branches.c.prompt_id == prompt_id, prompt_branches.c.branch == branch
