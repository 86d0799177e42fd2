"""Labels: movable pointers to versions, and the history of their moves."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.rows import move_from_row
from storage.tables import label_history, label_weights, prompt_labels
from storage.values.entities import Move, RecordedMove
from storage.values.pages import Page, cut_page, decode_cursor

_MOMENT = sa.func.coalesce(
    sa.bindparam("moment", type_=sa.TIMESTAMP(timezone=True)), sa.func.clock_timestamp()
)


def _upsert() -> sa.Executable:
    upsert = insert(prompt_labels).values(moved_at=_MOMENT)
    columns = {name: upsert.excluded[name] for name in ("version", "moved_by", "moved_at")}
    return upsert.on_conflict_do_update(constraint="pk_prompt_labels", set_=columns)


def _delete(table: sa.Table) -> sa.Executable:
    is_label = (
        table.c.prompt_id == sa.bindparam("of_prompt"),
        table.c.label == sa.bindparam("named"),
    )
    return table.delete().where(*is_label)


_POINT = _upsert()
_REMOVE = _delete(prompt_labels)
_UNSHARE = _delete(label_weights)
_SHARE = label_weights.insert()
_REMEMBER = label_history.insert().values(moved_at=_MOMENT)


class Labels:
    """The repository of labels. It never commits; the caller holds the prompts' locks."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def record(self, moves: Iterable[tuple[UUID, Move]]) -> None:
        """Move labels of prompts in order, and add the moves to their history.

        Raises:
            NotFound: (as the transaction ends) there is no such version.
        """
        entries = list(moves)
        last = {(prompt_id, move.label): move for prompt_id, move in entries}
        ends = [(prompt_id, move) for (prompt_id, _), move in last.items()]
        pointers = [each for each in ends if each[1].to_version is not None]
        removals = [each for each in ends if each[1].to_version is None]
        await self._run(_POINT, [_pointer_row(*each) for each in pointers])
        await self._run(_REMOVE, [_label_key(*each) for each in removals])
        await self._run(_UNSHARE, [_label_key(*each) for each in pointers])
        await self._run(_SHARE, [row for each in pointers for row in _share_rows(*each)])
        await self._run(_REMEMBER, [_move_row(*each) for each in entries])

    async def list_moves(
        self, prompt_id: UUID, *, label: str | None, limit: int, cursor: str | None = None
    ) -> Page[RecordedMove]:
        """Return the moves of a prompt's labels, or of one, newest first, a page at a time.

        Raises:
            Invalid: the cursor isn't from this list.
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

    async def _run(self, statement: sa.Executable, rows: Sequence[dict[str, object]]) -> None:
        if rows:
            await self._connection.execute(statement, rows)


def _label_key(prompt_id: UUID, move: Move) -> dict[str, object]:
    return {"of_prompt": prompt_id, "named": move.label}


def _pointer_row(prompt_id: UUID, move: Move) -> dict[str, object]:
    return {
        "prompt_id": prompt_id,
        "label": move.label,
        "version": move.to_version,
        "moved_by": move.moved_by,
        "moment": move.moved_at,
    }


def _share_rows(prompt_id: UUID, move: Move) -> list[dict[str, object]]:
    return [
        {"prompt_id": prompt_id, "label": move.label, "version": version, "weight": weight}
        for version, weight in move.weights.items()
    ]


def _move_row(prompt_id: UUID, move: Move) -> dict[str, object]:
    return {
        "prompt_id": prompt_id,
        "label": move.label,
        "from_version": move.from_version,
        "to_version": move.to_version,
        "weights": {str(version): each for version, each in move.weights.items()} or None,
        "reason": move.reason,
        "moved_by": move.moved_by,
        "moment": move.moved_at,
    }
