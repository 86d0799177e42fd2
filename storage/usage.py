"""What was used before: the values that arguments were given."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import argument_values

MAX_VALUE = 200
"""Longer values are texts, not choices: they aren't offered again."""


class Usage:
    """The repository of usage. It never commits."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def remember_values(self, used: Iterable[tuple[UUID, str, str]]) -> None:
        """Remember (prompt, argument, value) as used just now."""
        rows = [
            {"prompt_id": prompt_id, "argument": argument, "value": value}
            for prompt_id, argument, value in sorted(set(used), key=str)
            if 0 < len(value) <= MAX_VALUE
        ]
        if not rows:
            return
        remembering = insert(argument_values).values(rows)
        await self._connection.execute(
            remembering.on_conflict_do_update(
                constraint="pk_argument_values", set_={"used_at": remembering.excluded.used_at}
            )
        )

    async def list_values(
        self, prompt_id: UUID, argument: str, *, prefix: str, limit: int
    ) -> Sequence[str]:
        """Return values that were given to an argument before, the latest first."""
        query = (
            sa.select(argument_values.c.value)
            .where(
                argument_values.c.prompt_id == prompt_id,
                argument_values.c.argument == argument,
                sa.func.lower(argument_values.c.value).startswith(prefix.lower(), autoescape=True),
            )
            .order_by(argument_values.c.used_at.desc(), argument_values.c.value)
            .limit(limit)
        )
        return (await self._connection.scalars(query)).all()
