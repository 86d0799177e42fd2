"""Used argument values."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import argument_values, prompts

MAX_VALUE = 200
"""Longer values are texts, not choices: they aren't offered again."""
MAX_KEPT = 100
"""Values kept of one argument, as many as are ever offered."""


class ArgumentValues:
    """The repository of used argument values. It never commits."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def remember_values(self, used: Iterable[tuple[UUID, str, str]]) -> None:
        """Remember (prompt, argument, value) as used just now, and forget the oldest ones.

        Values of a prompt that was purged meanwhile are forgotten, too.
        """
        rows = [row for row in sorted(set(used), key=str) if 0 < len(row[2]) <= MAX_VALUE]
        if not rows:
            return
        upsert = insert(argument_values).from_select(
            ["prompt_id", "argument", "value"], _of_prompts(rows)
        )
        await self._connection.execute(
            upsert.on_conflict_do_update(
                constraint="pk_argument_values", set_={"used_at": upsert.excluded.used_at}
            )
        )
        await self._forget_oldest({(prompt_id, argument) for prompt_id, argument, _ in rows})

    async def list_values(
        self, prompt_id: UUID, argument: str, *, prefix: str, limit: int
    ) -> Sequence[str]:
        """Return used values of an argument that begin with a prefix, latest first."""
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

    async def _forget_oldest(self, arguments: Iterable[tuple[UUID, str]]) -> None:
        known = argument_values.c
        age = sa.func.row_number().over(
            partition_by=(known.prompt_id, known.argument),
            order_by=(known.used_at.desc(), known.value),
        )
        aged = (
            sa.select(known.prompt_id, known.argument, known.value, age.label("age"))
            .where(sa.tuple_(known.prompt_id, known.argument).in_(list(arguments)))
            .subquery()
        )
        old = sa.select(aged.c.prompt_id, aged.c.argument, aged.c.value).where(
            aged.c.age > MAX_KEPT
        )
        await self._connection.execute(
            argument_values.delete().where(
                sa.tuple_(known.prompt_id, known.argument, known.value).in_(old)
            )
        )


def _of_prompts(rows: Sequence[tuple[UUID, str, str]]) -> sa.Select[tuple[object, ...]]:
    """Select the rows whose prompt exists, and lock it against a purge until they are written."""
    values = sa.values(
        sa.column("prompt_id", PgUUID(as_uuid=True)),
        sa.column("argument", sa.Text),
        sa.column("value", sa.Text),
        name="given",
    ).data(list(rows))
    return (
        sa.select(values.c.prompt_id, values.c.argument, values.c.value)
        .join(prompts, prompts.c.id == values.c.prompt_id)
        .order_by(values.c.prompt_id, values.c.argument, values.c.value)
        .with_for_update(key_share=True, read=True, of=prompts)
    )
