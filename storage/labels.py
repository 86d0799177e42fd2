"""Labels: movable pointers to one version each, and the history of their moves."""

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import label_history, prompt_labels


class Labels:
    """The repository of labels. It never commits; the caller holds the prompt's lock."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def point(
        self, prompt_id: UUID, label: str, version: int, *, moved_from: int | None, moved_by: str
    ) -> None:
        """Set a label, or move it, and remember the move.

        Raises:
            NotFound: (as the transaction ends) there is no such version.
        """
        pointing = insert(prompt_labels).values(
            prompt_id=prompt_id, label=label, version=version, moved_by=moved_by
        )
        moved = {name: pointing.excluded[name] for name in ("version", "moved_by", "moved_at")}
        await self._connection.execute(
            pointing.on_conflict_do_update(constraint="pk_prompt_labels", set_=moved)
        )
        await self._remember(prompt_id, label, moved_from, version, moved_by)

    async def remove(self, prompt_id: UUID, label: str, *, moved_from: int, moved_by: str) -> None:
        """Take a label away and remember that."""
        await self._connection.execute(
            prompt_labels.delete().where(
                prompt_labels.c.prompt_id == prompt_id, prompt_labels.c.label == label
            )
        )
        await self._remember(prompt_id, label, moved_from, None, moved_by)

    async def _remember(
        self, prompt_id: UUID, label: str, before: int | None, after: int | None, by: str
    ) -> None:
        await self._connection.execute(
            label_history.insert().values(
                prompt_id=prompt_id, label=label, from_version=before, to_version=after, moved_by=by
            )
        )
