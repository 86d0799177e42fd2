"""Prompts: their metadata and their pointers."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.filters import conditions
from storage.rows import prompt_from_row, read_rows, summary_from_row, version_from_row
from storage.tables import (
    label_weights,
    prompt_branches,
    prompt_labels,
    prompt_names,
    prompt_versions,
    prompts,
)
from storage.values.entities import Metadata, Prompt, PromptFilter, PromptSummary, Version
from storage.values.pages import Page, cut_page, decode_cursor


def _pointers(table: sa.Table, name: str, version: str) -> sa.ScalarSelect[object]:
    """Select one prompt's rows of a table of pointers as a JSON object."""
    pairs = sa.func.json_object_agg(table.c[name], table.c[version])
    return (
        sa.select(sa.func.coalesce(pairs, sa.text("'{}'::json"), type_=JSON))
        .where(table.c.prompt_id == prompts.c.id)
        .scalar_subquery()
    )


_SHARE = sa.func.json_build_array(
    label_weights.c.label, label_weights.c.version, label_weights.c.weight
)
_WEIGHTS = (
    sa.select(sa.func.coalesce(sa.func.json_agg(_SHARE), sa.text("'[]'::json"), type_=JSON))
    .where(label_weights.c.prompt_id == prompts.c.id)
    .scalar_subquery()
)
_METADATA = (
    prompts.c.id,
    prompts.c.name,
    prompts.c.title,
    prompts.c.description,
    prompts.c.folder,
    prompts.c.tags,
    prompts.c.created_at,
    prompts.c.updated_at,
    prompts.c.archived_at,
)
PROMPT = sa.select(
    *_METADATA,
    prompts.c.last_version,
    _pointers(prompt_labels, "label", "version").label("labels"),
    _pointers(prompt_branches, "branch", "head").label("branches"),
    _WEIGHTS.label("weights"),
)
SUMMARY = (
    *_METADATA,
    prompts.c.served_version,
    prompts.c.served_model_type,
    prompt_versions.c.arguments,
    prompt_versions.c.includes,
    sa.select(sa.func.array_agg(sa.text("label ORDER BY label")))
    .select_from(prompt_labels)
    .where(prompt_labels.c.prompt_id == prompts.c.id)
    .scalar_subquery()
    .label("label_names"),
)
SERVED = prompts.join(
    prompt_versions,
    sa.and_(
        prompt_versions.c.prompt_id == prompts.c.id,
        prompt_versions.c.version == prompts.c.served_version,
    ),
)
"""Each prompt with the version that a bare name means; `SUMMARY` is read from it."""


_LISTED = prompts.c.name.collate("C")
"""The order of lists that don't depend on the database's locale."""
_OF_VERSION = "of_version_"


def _is_called(name: str | sa.BindParameter[str]) -> sa.ColumnElement[bool]:
    """Return the condition that a prompt has, or had, a name."""
    called = sa.select(prompt_names.c.prompt_id).where(prompt_names.c.name == name)
    return prompts.c.id == called.scalar_subquery()


_BY_NAME = PROMPT.where(_is_called(sa.bindparam("name", type_=sa.Text)))
PROMPT_WITH_VERSION = PROMPT.add_columns(
    *(column.label(f"{_OF_VERSION}{column.name}") for column in prompt_versions.c)
)
"""Prompts with the columns of a version, which the query has to join; see `read_both`."""
_SERVED_BY_NAME = PROMPT_WITH_VERSION.select_from(SERVED).where(
    _is_called(sa.bindparam("name", type_=sa.Text))
)


def read_both(row: sa.RowMapping) -> tuple[Prompt, Version]:
    """Read a prompt and the version that is joined to it."""
    version = {column.name: row[f"{_OF_VERSION}{column.name}"] for column in prompt_versions.c}
    return prompt_from_row(row), version_from_row(version)


class Prompts:
    """The repository of prompts. It never commits."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def insert(self, prompt_id: UUID, metadata: Metadata) -> None:
        """Add a prompt that has no version yet.

        Raises:
            Conflict: (as the transaction ends) the name is taken.
        """
        await self._connection.execute(
            prompts.insert().values(
                id=prompt_id,
                name=metadata.name,
                title=metadata.title,
                description=metadata.description,
                folder=metadata.folder,
                tags=list(metadata.tags),
            )
        )

    async def find(self, name: str, *, lock: bool = False) -> Prompt | None:
        """Return the prompt that has or had that name, archived or not.

        `lock` keeps other writers out.
        """
        if lock:
            # Locked before it is read, so that the last writer's pointers are seen.
            locking = (
                sa.select(prompts.c.id).where(_is_called(name)).with_for_update(key_share=True)
            )
            await self._connection.execute(locking)
        result = await self._connection.execute(_BY_NAME, {"name": name})
        row = result.mappings().one_or_none()
        return prompt_from_row(row) if row else None

    async def find_served(self, name: str) -> tuple[Prompt, Version] | None:
        """Return the prompt that has or had that name, and its served version."""
        result = await self._connection.execute(_SERVED_BY_NAME, {"name": name})
        row = result.mappings().one_or_none()
        return read_both(row) if row else None

    async def find_name(self, prompt_id: UUID) -> str | None:
        """Return the current name of the prompt with an id."""
        query = sa.select(prompts.c.name).where(prompts.c.id == prompt_id)
        name: str | None = await self._connection.scalar(query)
        return name

    async def update(self, prompt_id: UUID, metadata: Metadata) -> None:
        """Replace the metadata of a prompt, which can still be found by a former name.

        Raises:
            Conflict: (as the transaction ends) another prompt has or had the name.
        """
        await self._set(
            prompt_id,
            name=metadata.name,
            title=metadata.title,
            description=metadata.description,
            folder=metadata.folder,
            tags=list(metadata.tags),
        )

    async def set_archived(self, prompt_id: UUID, archived: bool) -> None:
        """Take a prompt out of lists, or restore it."""
        archived_at = sa.func.clock_timestamp() if archived else None
        await self._set(prompt_id, archived_at=archived_at)

    async def list_summaries(
        self, chosen: PromptFilter, *, limit: int, cursor: str | None = None
    ) -> Page[PromptSummary]:
        """Return prompts by name, a page at a time.

        Raises:
            Invalid: the cursor isn't from this list.
        """
        listing = f"prompts {chosen}"
        query = (
            sa.select(*SUMMARY)
            .select_from(SERVED)
            .where(*conditions(chosen))
            .order_by(prompts.c.name)
            .limit(limit + 1)
        )
        if cursor is not None:
            query = query.where(prompts.c.name > decode_cursor(listing, cursor, str)[0])
        result = await self._connection.execute(query)
        summaries = await read_rows(result, summary_from_row)
        return cut_page(summaries, limit, listing, lambda summary: (summary.name,))

    async def list_listed(
        self, chosen: PromptFilter, *, limit: int, after: str | None = None
    ) -> Sequence[PromptSummary]:
        """Return up to `limit` prompts by name, in the order of code points, after a name."""
        query = sa.select(*SUMMARY).select_from(SERVED).where(*conditions(chosen))
        if after is not None:
            query = query.where(after < _LISTED)
        result = await self._connection.execute(query.order_by(_LISTED).limit(limit))
        return await read_rows(result, summary_from_row)

    async def count(self, chosen: PromptFilter, *, at_most: int | None = None) -> int:
        """Count the prompts that a filter keeps, with `at_most` only up to that number."""
        rows = sa.select(prompts.c.id).where(*conditions(chosen)).limit(at_most).subquery()
        query = sa.select(sa.func.count()).select_from(rows)
        return int((await self._connection.execute(query)).scalar_one())

    async def list_names(self, chosen: PromptFilter, typed: str, *, limit: int) -> Sequence[str]:
        """Return names that begin with a text, in order; if none does, those that contain it."""
        # No name has a character that comes after this one.
        beginning = sa.and_(typed <= _LISTED, f"{typed}~" > _LISTED)
        for matches in (beginning, sa.func.strpos(prompts.c.name, typed) > 0):
            query = sa.select(prompts.c.name).where(*conditions(chosen), matches)
            result = await self._connection.scalars(query.order_by(_LISTED).limit(limit))
            if names := result.all():
                return names
        return ()

    async def get_summaries(
        self, ids: Iterable[UUID], chosen: PromptFilter
    ) -> Sequence[PromptSummary]:
        """Return the summaries of the prompts with these ids that a filter keeps."""
        query = (
            sa.select(*SUMMARY)
            .select_from(SERVED)
            .where(prompts.c.id.in_(list(ids)), *conditions(chosen))
        )
        result = await self._connection.execute(query)
        return await read_rows(result, summary_from_row)

    async def list_spellings(self, name: str, chosen: PromptFilter, *, limit: int) -> Sequence[str]:
        """Return names, of prompts that a filter keeps, that are spelt like one, nearest first."""
        similarity = sa.func.similarity(prompts.c.name, name)
        alike = sa.func.promptstack_misspelt(name, name).table_valued("id", "alike")
        query = (
            sa.select(prompts.c.name)
            .where(*conditions(chosen), prompts.c.id.in_(sa.select(alike.c.id)))
            .order_by(similarity.desc(), prompts.c.name)
            .limit(limit)
        )
        return (await self._connection.scalars(query)).all()

    async def _set(self, prompt_id: UUID, **values: object) -> None:
        await self._connection.execute(
            prompts.update()
            .where(prompts.c.id == prompt_id)
            .values(updated_at=sa.func.clock_timestamp(), **values)
        )
