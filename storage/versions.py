"""Versions: frozen states, numbered without gaps, and the branches whose heads they are."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import array, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.rows import version_from_row, version_row, version_summary_from_row
from storage.tables import label_history, prompt_branches, prompt_labels, prompt_versions, prompts
from storage.values.entities import NewVersion, Version, VersionSummary
from storage.values.pages import Page, cut_page, decode_cursor

_LABEL_NAMES = (
    sa.select(sa.func.array_agg(sa.text("label ORDER BY label")))
    .select_from(prompt_labels)
    .where(
        prompt_labels.c.prompt_id == prompt_versions.c.prompt_id,
        prompt_labels.c.version == prompt_versions.c.version,
    )
    .scalar_subquery()
    .label("label_names")
)
_MOST_MOVES = 20
_MOVED = (
    sa.select(label_history)
    .where(
        label_history.c.prompt_id == prompt_versions.c.prompt_id,
        # The removal of a label is a move of the version that it was removed from.
        sa.func.coalesce(label_history.c.to_version, label_history.c.from_version)
        == prompt_versions.c.version,
    )
    .order_by(label_history.c.id.desc())
    .limit(_MOST_MOVES)
    .correlate(prompt_versions)
    .subquery("moved")
)
_MOVES = (
    sa.select(sa.func.json_agg(sa.literal_column("moved")))
    .select_from(_MOVED)
    .scalar_subquery()
    .label("moves")
)
_SUMMARY = (
    prompt_versions.c.version,
    prompt_versions.c.branch,
    prompt_versions.c.parent,
    prompt_versions.c.merged_from,
    prompt_versions.c.tags,
    prompt_versions.c.model_type,
    prompt_versions.c.commit_message,
    prompt_versions.c.created_by,
    prompt_versions.c.created_at,
    prompt_versions.c.content_hash,
    _LABEL_NAMES,
    _MOVES,
)

_ONE = sa.select(prompt_versions).where(
    prompt_versions.c.prompt_id == sa.bindparam("of_prompt"),
    prompt_versions.c.version == sa.bindparam("number"),
)


class Versions:
    """The repository of versions. It never commits."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def append(
        self, prompt_id: UUID, new: NewVersion, content_hash: str, includes: Sequence[str] = ()
    ) -> int:
        """Write the next version, make it its branch's head, and return its number.

        `includes` are the references that its texts include, as they are written there.
        The number comes from the prompt's row, under that row's lock: no gap and no race.
        """
        number = await self._take_number(prompt_id)
        row = version_row(new, content_hash, includes)
        statement = prompt_versions.insert().values(prompt_id=prompt_id, version=number, **row)
        await self._connection.execute(statement)
        await self._point_branch(prompt_id, new.branch, number, new.created_by)
        return number

    async def find(self, prompt_id: UUID, version: int) -> Version | None:
        """Return one version with its texts."""
        result = await self._connection.execute(_ONE, {"of_prompt": prompt_id, "number": version})
        row = result.mappings().one_or_none()
        return version_from_row(row) if row else None

    async def list(
        self, prompt_id: UUID, *, limit: int, cursor: str | None = None
    ) -> Page[Version]:
        """Return a prompt's versions with their texts, newest first, a page at a time.

        Raises:
            Invalid: the cursor isn't from this list.
        """
        listing = f"history {prompt_id}"
        query = (
            sa.select(prompt_versions)
            .where(prompt_versions.c.prompt_id == prompt_id)
            .order_by(prompt_versions.c.version.desc())
            .limit(limit + 1)
        )
        if cursor is not None:
            query = query.where(prompt_versions.c.version < decode_cursor(listing, cursor, int)[0])
        result = await self._connection.execute(query)
        versions = [version_from_row(row) for row in result.mappings()]
        return cut_page(versions, limit, listing, lambda version: (version.version,))

    async def list_summaries(
        self,
        prompt_id: UUID,
        *,
        branch: tuple[str, int] | None = None,
        limit: int,
        cursor: str | None = None,
    ) -> Page[VersionSummary]:
        """Return a prompt's versions, newest first, a page at a time.

        With a branch and its head, only the head and its ancestors, merged ones included.

        Raises:
            Invalid: the cursor isn't from this list.
        """
        name, head = branch or (None, 0)
        listing = f"versions {prompt_id} {name}"
        query = (
            sa.select(*_SUMMARY)
            .where(prompt_versions.c.prompt_id == prompt_id)
            .order_by(prompt_versions.c.version.desc())
            .limit(limit + 1)
        )
        if branch is not None:
            line = _line_of(prompt_id, head)
            query = query.where(prompt_versions.c.version.in_(sa.select(line.c.version)))
        if cursor is not None:
            query = query.where(prompt_versions.c.version < decode_cursor(listing, cursor, int)[0])
        result = await self._connection.execute(query)
        summaries = [version_summary_from_row(row) for row in result.mappings()]
        return cut_page(summaries, limit, listing, lambda summary: (summary.version,))

    async def _take_number(self, prompt_id: UUID) -> int:
        statement = (
            prompts.update()
            .where(prompts.c.id == prompt_id)
            .values(last_version=prompts.c.last_version + 1, updated_at=sa.func.clock_timestamp())
            .returning(prompts.c.last_version)
        )
        number: int = (await self._connection.execute(statement)).scalar_one()
        return number

    async def _point_branch(self, prompt_id: UUID, branch: str, head: int, by: str) -> None:
        upsert = insert(prompt_branches).values(
            prompt_id=prompt_id, branch=branch, head=head, created_by=by
        )
        await self._connection.execute(
            upsert.on_conflict_do_update(
                constraint="pk_prompt_branches", set_={"head": upsert.excluded.head}
            )
        )


def _line_of(prompt_id: UUID, head: int) -> sa.CTE:
    """Select the numbers of a version and all its ancestors."""
    line = sa.select(sa.literal(head).label("version")).cte("line", recursive=True)
    made_from = sa.func.unnest(array([prompt_versions.c.parent, prompt_versions.c.merged_from]))
    step = sa.select(made_from).where(
        prompt_versions.c.prompt_id == prompt_id,
        prompt_versions.c.version == line.c.version,
    )
    return line.union(step)
