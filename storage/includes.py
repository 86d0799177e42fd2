"""Includes: which prompts the texts of others take in, and what is reached that way."""

from collections.abc import Collection, Mapping, Sequence
from itertools import starmap
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.entities import Prompt, PromptFilter, Reached, Version
from storage.filters import conditions, is_in_use
from storage.prompts import PROMPT_WITH_VERSION, read_both
from storage.tables import prompt_includes, prompt_names, prompt_versions, prompts

_MOST = 1_000
"""Versions that are read for one prompt, whatever includes what."""


def _reached() -> sa.CTE:
    """Select the versions that references may mean, and those that they include, and so on.

    A version is there once, so that circles end.
    """
    roots = (
        sa.func.unnest(
            sa.bindparam("names", type_=ARRAY(sa.Text)),
            sa.bindparam("points", type_=ARRAY(sa.Text)),
        )
        .table_valued("name", "point", name="root")
        .render_derived()
    )
    start = (
        sa.select(prompt_names.c.prompt_id, _meant(prompt_names.c.prompt_id, roots.c.point))
        .select_from(roots)
        .join(prompt_names, prompt_names.c.name == roots.c.name)
    )
    reached = start.cte("reached", recursive=True)
    edge = prompt_includes
    step = sa.select(edge.c.included_id, _meant(edge.c.included_id, edge.c.point)).where(
        edge.c.prompt_id == reached.c.prompt_id, edge.c.version == reached.c.version
    )
    return reached.union(step)


def _meant(prompt_id: sa.Column[UUID], point: sa.ColumnElement[str]) -> sa.Label[int]:
    return sa.func.promptstack_meant(prompt_id, point, type_=sa.Integer).label("version")


def _closure() -> sa.Select[tuple[object, ...]]:
    reached = _reached()
    names = (
        sa.select(sa.func.array_agg(prompt_names.c.name))
        .where(prompt_names.c.prompt_id == prompts.c.id)
        .scalar_subquery()
    )
    return (
        PROMPT_WITH_VERSION.add_columns(names.label("all_names"))
        .select_from(reached)
        .join(prompts, prompts.c.id == reached.c.prompt_id)
        .join(
            prompt_versions,
            sa.and_(
                prompt_versions.c.prompt_id == reached.c.prompt_id,
                prompt_versions.c.version == reached.c.version,
            ),
        )
        .limit(_MOST)
    )


_CLOSURE = _closure()


class Includes:
    """The repository of includes. It never commits."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def record(
        self, prompt_id: UUID, version: int, included: Collection[tuple[UUID, str]]
    ) -> None:
        """Keep which prompts a new version includes, each with what stands behind the '@'."""
        rows = [
            {"prompt_id": prompt_id, "version": version, "included_id": other, "point": point}
            for other, point in included
        ]
        if rows:
            await self._connection.execute(prompt_includes.insert(), rows)

    async def reach(self, references: Collection[tuple[str, str]]) -> Reached:
        """Return what some references, as name and point, lead to: one query, however deep."""
        names, points = [name for name, _ in references], [point for _, point in references]
        found = await self._connection.execute(_CLOSURE, {"names": names, "points": points})
        known: dict[str, Prompt] = {}
        versions: dict[tuple[UUID, int], Version] = {}
        for row in found.mappings():
            prompt, version = read_both(row)
            known |= dict.fromkeys(row["all_names"], prompt)
            versions[prompt.id, version.version] = version
        return Reached(known, versions)

    async def list_points(self, prompt_id: UUID, seen: PromptFilter) -> Sequence[str]:
        """Return what stands behind the '@' where prompts include one now; '' is nothing."""
        query = sa.select(prompt_includes.c.point).distinct().select_from(_INCLUDING)
        found = await self._connection.scalars(query.where(*_including(prompt_id, seen)))
        return sorted(found)

    async def list_includers(
        self,
        prompt_id: UUID,
        points: Mapping[str, Collection[UUID] | None],
        seen: PromptFilter,
        *,
        limit: int,
    ) -> tuple[Sequence[str], int]:
        """Return the names of prompts that include one now, and how many there are.

        Those that do so by one of some points, and are among those given for it; None is all.
        """
        names = (
            sa.select(prompts.c.name)
            .distinct()
            .select_from(_INCLUDING)
            .where(*_including(prompt_id, seen), sa.or_(sa.false(), *starmap(_by, points.items())))
            .subquery()
        )
        query = sa.select(names.c.name, sa.func.count().over()).order_by(names.c.name).limit(limit)
        rows = (await self._connection.execute(query)).all()
        return [name for name, _ in rows], rows[0][1] if rows else 0


_INCLUDING = prompt_includes.join(prompts, prompts.c.id == prompt_includes.c.prompt_id)


def _by(point: str, whom: Collection[UUID] | None) -> sa.ColumnElement[bool]:
    by_point = prompt_includes.c.point == point
    return by_point if whom is None else by_point & prompt_includes.c.prompt_id.in_(list(whom))


def _including(prompt_id: UUID, seen: PromptFilter) -> Sequence[sa.ColumnElement[bool]]:
    return prompt_includes.c.included_id == prompt_id, is_in_use(), *conditions(seen)
