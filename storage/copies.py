"""Copies: a prompt's whole history, written again for another prompt."""

from collections.abc import Mapping
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import (
    label_history,
    label_weights,
    prompt_branches,
    prompt_includes,
    prompt_labels,
    prompt_versions,
    prompts,
)


class Copies:
    """The repository of copies. It never commits; the caller holds the lock of what is copied."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def copy_history(self, source: UUID, target: UUID, *, by: str, reason: str) -> None:
        """Give a prompt without versions those of another one, with its branches and labels.

        Versions keep their numbers, authors and moments. The labels are set by whoever copies.
        """
        numbered = sa.select(prompts.c.last_version).where(prompts.c.id == source)
        taking = prompts.update().where(prompts.c.id == target)
        await self._connection.execute(taking.values(last_version=numbered.scalar_subquery()))
        await self._copy(prompt_versions, source, target)
        await self._copy(prompt_includes, source, target)
        await self._copy(prompt_branches, source, target)
        await self._copy(prompt_labels, source, target, {"moved_by": by}, leave=("moved_at",))
        await self._copy(label_weights, source, target)
        await self._remember_labels(target, by, reason)

    async def _copy(
        self,
        table: sa.Table,
        source: UUID,
        target: UUID,
        changed: Mapping[str, object] | None = None,
        leave: tuple[str, ...] = (),
    ) -> None:
        values = {"prompt_id": target, **(changed or {})}
        columns = [column for column in table.c if column.name not in leave]
        rows = sa.select(
            *(
                sa.literal(values[column.name], column.type) if column.name in values else column
                for column in columns
            )
        ).where(table.c.prompt_id == source)
        await self._connection.execute(
            table.insert().from_select([column.name for column in columns], rows)
        )

    async def _remember_labels(self, target: UUID, by: str, reason: str) -> None:
        label = prompt_labels
        shares = (
            sa.select(sa.func.jsonb_object_agg(label_weights.c.version, label_weights.c.weight))
            .where(
                label_weights.c.prompt_id == label.c.prompt_id,
                label_weights.c.label == label.c.label,
            )
            .scalar_subquery()
        )
        said = sa.literal(reason), sa.literal(by)
        moves = sa.select(label.c.prompt_id, label.c.label, label.c.version, shares, *said).where(
            label.c.prompt_id == target
        )
        kept = ["prompt_id", "label", "to_version", "weights", "reason", "moved_by"]
        await self._connection.execute(label_history.insert().from_select(kept, moves))
