"""Includes: the prompts that versions include, and the versions that are reached that way."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.filters import conditions, is_in_use
from storage.prompts import PROMPT_WITH_VERSION, read_both
from storage.tables import (
    label_weights,
    prompt_branches,
    prompt_includes,
    prompt_labels,
    prompt_names,
    prompt_versions,
    prompts,
)
from storage.values.entities import (
    LATEST,
    MAIN,
    VERSION_PATTERN,
    Edge,
    Includer,
    Prompt,
    PromptFilter,
    Reached,
    Version,
)

_MOST = 1_000
"""Most versions that are read for one prompt."""
_BRANCH = "branch:"


def _reached() -> sa.CTE:
    """Select the versions that references may mean, and those that they include, and so on.

    Each version is selected once, so that circles end.
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
        """Record the prompts that a new version includes, each with the part after the '@'."""
        rows = [
            {"prompt_id": prompt_id, "version": version, "included_id": other, "point": point}
            for other, point in included
        ]
        if rows:
            await self._connection.execute(prompt_includes.insert(), rows)

    async def reach(self, references: Collection[tuple[str, str]]) -> Reached:
        """Return the prompts and versions that references (name, point) lead to, in one query."""
        names, points = [name for name, _ in references], [point for _, point in references]
        result = await self._connection.execute(_CLOSURE, {"names": names, "points": points})
        by_name: dict[str, Prompt] = {}
        versions: dict[tuple[UUID, int], Version] = {}
        for row in result.mappings():
            prompt, version = read_both(row)
            by_name |= dict.fromkeys(row["all_names"], prompt)
            versions[prompt.id, version.version] = version
        return Reached(by_name, versions)

    async def included(self, ids: Collection[UUID]) -> frozenset[UUID]:
        """Return the ids, among those given, of prompts that any version includes."""
        edge = prompt_includes
        query = sa.select(edge.c.included_id).distinct().where(edge.c.included_id.in_(list(ids)))
        return frozenset(await self._connection.scalars(query))

    async def list_includers(
        self, prompt_id: UUID, seen: PromptFilter, *, limit: int
    ) -> Sequence[Includer]:
        """Return versions in use that include a prompt, directly or through others, by name."""
        rows = await self._connection.execute(_includers(prompt_id, seen, limit))
        return [Includer(*row) for row in rows]

    async def draw(self, roots: Collection[Includer], seen: PromptFilter) -> Sequence[Edge]:
        """Return the edges that lead from some versions, directly and by further includes.

        There is an edge for each version that an include may mean to a reader, and one with
        `meant` None if it means nothing.
        """
        ids, numbers = [each.prompt_id for each in roots], [each.version for each in roots]
        rows = await self._connection.execute(_edges(seen), {"ids": ids, "numbers": numbers})
        return [Edge(*row) for row in rows]


def _includers(prompt_id: UUID, seen: PromptFilter, limit: int) -> sa.Select[Any]:
    """Select the versions in use that include a prompt, directly or through others.

    An indirect include counts only if its point means the version that leads to the prompt.
    """
    edge = prompt_includes
    key = edge.c.prompt_id, edge.c.version
    above = sa.select(*key).where(edge.c.included_id == prompt_id).cte("above", recursive=True)
    meant = _meant_alone()
    above = above.union(
        sa.select(*key)
        .select_from(above)
        .join(edge, edge.c.included_id == above.c.prompt_id)
        .join(meant, meant.c.version == above.c.version)
    )
    return (
        sa.select(above.c.prompt_id, above.c.version, prompts.c.name)
        .join(prompts, prompts.c.id == above.c.prompt_id)
        .where(above.c.prompt_id != prompt_id, is_in_use(above), *conditions(seen))
        .order_by(prompts.c.name, above.c.version)
        .limit(limit)
    )


def _edges(seen: PromptFilter) -> sa.Select[Any]:
    """Select the edges that lead down from some versions."""
    roots = (
        sa.func.unnest(
            sa.bindparam("ids", type_=ARRAY(sa.Uuid)),
            sa.bindparam("numbers", type_=ARRAY(sa.Integer)),
        )
        .table_valued(sa.column("prompt_id", sa.Uuid), sa.column("version", sa.Integer))
        .render_derived(name="root")
    )
    edge = prompt_includes
    below = sa.select(roots.c.prompt_id, roots.c.version).cte("below", recursive=True)
    from_below = sa.and_(edge.c.prompt_id == below.c.prompt_id, edge.c.version == below.c.version)
    meant = _meant_alone()
    step = (
        sa.select(edge.c.included_id, meant.c.version)
        .select_from(below)
        .join(edge, from_below)
        .join(meant, sa.true())
    )
    below = below.union(step)
    from_below = sa.and_(edge.c.prompt_id == below.c.prompt_id, edge.c.version == below.c.version)
    return (
        sa.select(
            edge.c.prompt_id,
            edge.c.version,
            edge.c.included_id,
            edge.c.point,
            prompts.c.name,
            sa.case((prompts.c.archived_at.is_(None), meant.c.version)),
            sa.and_(*conditions(seen)),
        )
        .select_from(below)
        .join(edge, from_below)
        .join(prompts, prompts.c.id == edge.c.included_id)
        .outerjoin(meant, sa.true())
    )


def _meant_alone() -> sa.FromClause:
    """Select the versions that the point of an edge may mean to any reader, and no others."""
    edge = prompt_includes
    label = sa.func.coalesce(sa.func.nullif(edge.c.point, ""), "production")
    branch = sa.case(
        (edge.c.point == LATEST, MAIN),
        (edge.c.point.startswith(_BRANCH), sa.func.substr(edge.c.point, len(_BRANCH) + 1)),
    )
    number = sa.case((edge.c.point.regexp_match(rf"^{VERSION_PATTERN}$"), _integer(edge.c.point)))
    meanings = (
        (prompts, "id", "served_version", edge.c.point == ""),
        (prompt_labels, "prompt_id", "version", prompt_labels.c.label == label),
        (label_weights, "prompt_id", "version", label_weights.c.label == label),
        (prompt_branches, "prompt_id", "head", prompt_branches.c.branch == branch),
        (prompt_versions, "prompt_id", "version", prompt_versions.c.version == number),
    )
    return sa.union_all(
        *(
            sa.select(table.c[version].label("version"))
            .where(table.c[key] == edge.c.included_id, holds)
            .correlate(edge)
            for table, key, version, holds in meanings
        )
    ).lateral("meant")


def _integer(text: sa.ColumnElement[str]) -> sa.ColumnElement[int]:
    return sa.cast(text, sa.Integer)
