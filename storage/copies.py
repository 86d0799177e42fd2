"""Copies: a prompt's versions and branches, written again for another prompt."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import prompt_branches, prompt_includes, prompt_versions, prompts


class Copies:
    """The repository of copies. It never commits; the caller holds the source prompt's lock."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def copy_history(self, source: UUID, target: UUID) -> None:
        """Copy the versions, includes and branches of a prompt to one that has none.

        Versions keep their numbers, authors and times.
        """
        number = sa.select(prompts.c.last_version).where(prompts.c.id == source)
        statement = prompts.update().where(prompts.c.id == target)
        await self._connection.execute(statement.values(last_version=number.scalar_subquery()))
        await self._copy(prompt_versions, source, target)
        await self._copy(prompt_includes, source, target)
        await self._copy(prompt_branches, source, target)

    async def _copy(self, table: sa.Table, source: UUID, target: UUID) -> None:
        target_id = sa.literal(target, table.c.prompt_id.type)
        rows = sa.select(
            *(target_id if column.name == "prompt_id" else column for column in table.c)
        ).where(table.c.prompt_id == source)
        await self._connection.execute(table.insert().from_select(table.c.keys(), rows))
