"""Prompts: the named things and their pointers."""

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
"""Each prompt beside a version of it, to be joined; `read_both` reads the rows."""
_SERVED_BY_NAME = PROMPT_WITH_VERSION.select_from(SERVED).where(
    _is_called(sa.bindparam("name", type_=sa.Text))
)


def read_both(row: sa.RowMapping) -> tuple[Prompt, Version]:
    """Read a prompt and the version that stands beside it."""
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
            # Locked first, read after: the pointers are then those that the last writer left.
            locking = (
                sa.select(prompts.c.id).where(_is_called(name)).with_for_update(key_share=True)
            )
            await self._connection.execute(locking)
        found = await self._connection.execute(_BY_NAME, {"name": name})
        row = found.mappings().one_or_none()
        return prompt_from_row(row) if row else None

    async def find_served(self, name: str) -> tuple[Prompt, Version] | None:
        """Return the prompt that has or had that name, and the version that is served of it."""
        found = await self._connection.execute(_SERVED_BY_NAME, {"name": name})
        row = found.mappings().one_or_none()
        return read_both(row) if row else None

    async def find_name(self, prompt_id: UUID) -> str | None:
        """Return what the prompt of that id is called."""
        query = sa.select(prompts.c.name).where(prompts.c.id == prompt_id)
        name: str | None = await self._connection.scalar(query)
        return name

    async def update(self, prompt_id: UUID, metadata: Metadata) -> None:
        """Replace what a prompt says about itself; a former name keeps leading to it.

        Raises:
            Conflict: (as the transaction ends) the name is another prompt's, or was.
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
        """Take a prompt out of lists, or bring it back."""
        moment = sa.func.clock_timestamp() if archived else None
        await self._set(prompt_id, archived_at=moment)

    async def list_summaries(
        self, chosen: PromptFilter, *, limit: int, cursor: str | None = None
    ) -> Page[PromptSummary]:
        """Return prompts by name, a page at a time.

        Raises:
            Invalid: the cursor isn't one of this list.
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
        found = await self._connection.execute(query)
        rows = await read_rows(found, summary_from_row)
        return cut_page(rows, limit, listing, lambda summary: (summary.name,))

    async def list_listed(
        self, chosen: PromptFilter, *, limit: int, after: str | None = None
    ) -> Sequence[PromptSummary]:
        """Return at most so many prompts in the order of their names' characters, after a name."""
        query = sa.select(*SUMMARY).select_from(SERVED).where(*conditions(chosen))
        if after is not None:
            query = query.where(after < _LISTED)
        found = await self._connection.execute(query.order_by(_LISTED).limit(limit))
        return await read_rows(found, summary_from_row)

    async def count(self, chosen: PromptFilter, *, at_most: int | None = None) -> int:
        """Count the prompts that a filter keeps; with `at_most` no further than to that."""
        counted = sa.select(prompts.c.id).where(*conditions(chosen)).limit(at_most).subquery()
        query = sa.select(sa.func.count()).select_from(counted)
        return int((await self._connection.execute(query)).scalar_one())

    async def list_names(self, chosen: PromptFilter, typed: str, *, limit: int) -> Sequence[str]:
        """Return names that begin with a text, in order; if none does, those that hold it."""
        # No name has a character that comes after this one.
        beginning = sa.and_(typed <= _LISTED, f"{typed}~" > _LISTED)
        for matches in (beginning, sa.func.strpos(prompts.c.name, typed) > 0):
            query = sa.select(prompts.c.name).where(*conditions(chosen), matches)
            found = await self._connection.scalars(query.order_by(_LISTED).limit(limit))
            if names := found.all():
                return names
        return ()

    async def get_summaries(
        self, ids: Iterable[UUID], chosen: PromptFilter
    ) -> Sequence[PromptSummary]:
        """Return those among some prompts that a filter keeps."""
        query = (
            sa.select(*SUMMARY)
            .select_from(SERVED)
            .where(prompts.c.id.in_(list(ids)), *conditions(chosen))
        )
        found = await self._connection.execute(query)
        return await read_rows(found, summary_from_row)

    async def list_spellings(self, name: str, chosen: PromptFilter, *, limit: int) -> Sequence[str]:
        """Return names that are spelt like the one given, nearest first, among some prompts."""
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
