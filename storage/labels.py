"""Labels: movable pointers to one version each, and the history of their moves."""

from collections.abc import Mapping
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.rows import move_from_row
from storage.tables import label_history, label_weights, prompt_labels
from storage.values.entities import RecordedMove
from storage.values.pages import Page, cut_page, decode_cursor


class Labels:
    """The repository of labels. It never commits; the caller holds the prompt's lock."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def point(
        self,
        prompt_id: UUID,
        label: str,
        version: int,
        *,
        weights: Mapping[int, int] | None = None,
        moved_from: int | None,
        moved_by: str,
        reason: str | None = None,
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
        await self._share_out(prompt_id, label, weights or {})
        await self._remember(prompt_id, label, moved_from, version, weights, moved_by, reason)

    async def remove(
        self,
        prompt_id: UUID,
        label: str,
        *,
        moved_from: int,
        moved_by: str,
        reason: str | None = None,
    ) -> None:
        """Take a label away and remember that."""
        await self._connection.execute(
            prompt_labels.delete().where(
                prompt_labels.c.prompt_id == prompt_id, prompt_labels.c.label == label
            )
        )
        await self._remember(prompt_id, label, moved_from, None, None, moved_by, reason)

    async def list_moves(
        self, prompt_id: UUID, *, label: str | None, limit: int, cursor: str | None = None
    ) -> Page[RecordedMove]:
        """Return what a prompt's labels did, or one of them, newest first, a page at a time.

        Raises:
            Invalid: the cursor isn't one of this list.
        """
        listing = f"moves {prompt_id} {label}"
        query = (
            sa.select(label_history)
            .where(label_history.c.prompt_id == prompt_id)
            .order_by(label_history.c.id.desc())
            .limit(limit + 1)
        )
        if label is not None:
            query = query.where(label_history.c.label == label)
        if cursor is not None:
            query = query.where(label_history.c.id < decode_cursor(listing, cursor, int)[0])
        rows = (await self._connection.execute(query)).mappings().all()
        page = cut_page(rows, limit, listing, lambda row: (row["id"],))
        return Page(tuple(map(move_from_row, page.items)), page.next_cursor)

    async def _share_out(self, prompt_id: UUID, label: str, weights: Mapping[int, int]) -> None:
        await self._connection.execute(
            label_weights.delete().where(
                label_weights.c.prompt_id == prompt_id, label_weights.c.label == label
            )
        )
        if weights:
            shares = [
                {"prompt_id": prompt_id, "label": label, "version": version, "weight": weight}
                for version, weight in weights.items()
            ]
            await self._connection.execute(label_weights.insert(), shares)

    async def _remember(
        self,
        prompt_id: UUID,
        label: str,
        before: int | None,
        after: int | None,
        weights: Mapping[int, int] | None,
        by: str,
        reason: str | None,
    ) -> None:
        await self._connection.execute(
            label_history.insert().values(
                prompt_id=prompt_id,
                label=label,
                from_version=before,
                to_version=after,
                weights={str(version): each for version, each in weights.items()}
                if weights
                else sa.null(),
                moved_by=by,
                reason=reason,
            )
        )
