"""Bulk: many prompts read or written with a few statements."""

import asyncio
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.notifications import CHANNEL
from storage.prompts import PROMPT, PROMPT_WITH_VERSION, SERVED, read_both
from storage.rows import move_from_row, prompt_from_row, read_rows, version_from_row, version_row
from storage.tables import label_history, prompt_branches, prompt_names, prompt_versions, prompts
from storage.values.entities import MAIN, Branch, History, Metadata, Origin, Prompt, Version

_AT_ONCE = 10
"""Versions that are read before the event loop gets a turn; each may be a megabyte."""


class Bulk:
    """The repository of many prompts at once. It never commits."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def announce_at_the_end(self) -> None:
        """Keep this transaction from announcing its changes one by one."""
        await self._connection.execute(sa.text("SET LOCAL promptstack.quiet = 'on'"))

    async def announce_everything(self) -> None:
        """Announce to all processes, on commit, that any prompt may have changed."""
        payload = json.dumps({"kind": "everything"})
        await self._connection.execute(sa.select(sa.func.pg_notify(CHANNEL, payload)))

    async def find(self, names: Collection[str], *, lock: bool = False) -> dict[str, Prompt]:
        """Return the prompts that have or had the given names, by name.

        `lock` keeps other writers out.
        """
        query = sa.select(prompt_names.c.name, prompt_names.c.prompt_id).where(
            prompt_names.c.name.in_(list(names))
        )
        ids = {row.name: row.prompt_id for row in await self._connection.execute(query)}
        if not ids:
            return {}
        chosen = prompts.c.id.in_(set(ids.values()))
        if lock:
            # In a fixed order, so that two imports can't deadlock.
            locking = sa.select(prompts.c.id).where(chosen).order_by(prompts.c.id)
            await self._connection.execute(locking.with_for_update(key_share=True))
        result = await self._connection.execute(PROMPT.where(chosen))
        by_id = {row["id"]: prompt_from_row(row) for row in result.mappings()}
        return {name: by_id[prompt_id] for name, prompt_id in ids.items()}

    async def origins(self, ids: Collection[UUID]) -> dict[UUID, dict[int, Origin]]:
        """Return the origins of some prompts' versions, by prompt and number."""
        column = prompt_versions.c
        query = sa.select(
            column.prompt_id,
            column.version,
            column.content_hash,
            column.branch,
            column.parent,
            column.merged_from,
        ).where(column.prompt_id.in_(list(ids)))
        origins: dict[UUID, dict[int, Origin]] = {each: {} for each in ids}
        for prompt_id, number, *rest in await self._connection.execute(query):
            origins[prompt_id][number] = Origin(*rest)
        return origins

    async def insert(self, new: Iterable[tuple[UUID, Metadata, History]]) -> None:
        """Add prompts with their names and versions; the caller records labels and includes.

        Branches come after the labels; see `begin_branches`.

        Raises:
            Conflict: (as the transaction ends) a name is taken.
        """
        entries = list(new)
        await self._insert(
            prompts,
            [_prompt_row(prompt_id, metadata, history) for prompt_id, metadata, history in entries],
        )
        await self._insert(
            prompt_names,
            [
                {"name": name, "prompt_id": prompt_id}
                for prompt_id, _, history in entries
                for name in history.former_names
            ],
        )
        await self.add_versions((prompt_id, history.versions) for prompt_id, _, history in entries)

    async def begin_branches(self, new: Iterable[tuple[UUID, Metadata, History]]) -> None:
        """Create the branches of new prompts, once their labels are recorded.

        A trigger indexes the served version; with the labels recorded afterwards, it would do so
        twice.
        """
        await self._insert(
            prompt_branches,
            [
                _branch_row(prompt_id, each)
                for prompt_id, _, history in new
                for each in history.branches
            ],
        )

    async def add_versions(self, new: Iterable[tuple[UUID, Sequence[Version]]]) -> None:
        """Add versions with the numbers that they have."""
        rows = [
            _version_row(prompt_id, version) for prompt_id, versions in new for version in versions
        ]
        await self._insert(prompt_versions, rows)

    async def append_history(self, prompt_id: UUID, history: History, last_version: int) -> None:
        """Add the versions of a history that come after the last one, and move its branches."""
        newer = [version for version in history.versions if version.version > last_version]
        statement = prompts.update().where(prompts.c.id == prompt_id)
        await self._connection.execute(
            statement.values(
                last_version=history.versions[-1].version, updated_at=sa.func.clock_timestamp()
            )
        )
        await self.add_versions([(prompt_id, newer)])
        await self.set_branches(prompt_id, history.branches)

    async def set_branches(self, prompt_id: UUID, branches: Iterable[Branch]) -> None:
        """Create branches, or move those that exist."""
        for each in branches:
            upsert = insert(prompt_branches).values(_branch_row(prompt_id, each))
            await self._connection.execute(
                upsert.on_conflict_do_update(
                    constraint="pk_prompt_branches", set_={"head": upsert.excluded.head}
                )
            )

    async def read_served(self, ids: Sequence[UUID]) -> list[tuple[Prompt, Version]]:
        """Return some prompts with their served versions, in the order of names."""
        query = PROMPT_WITH_VERSION.select_from(SERVED).where(prompts.c.id.in_(list(ids)))
        result = await self._connection.execute(query.order_by(prompts.c.name))
        return await read_rows(result, read_both, at_once=_AT_ONCE)

    async def read_heads(self, ids: Sequence[UUID]) -> list[tuple[Prompt, Version]]:
        """Return some prompts with the heads of their branch main, in the order of names."""
        main = prompt_branches.alias("main_branch")
        newest = sa.and_(
            prompt_versions.c.prompt_id == prompts.c.id, prompt_versions.c.version == main.c.head
        )
        heads = prompts.join(
            main, sa.and_(main.c.prompt_id == prompts.c.id, main.c.branch == MAIN)
        ).join(prompt_versions, newest)
        query = PROMPT_WITH_VERSION.select_from(heads).where(prompts.c.id.in_(list(ids)))
        result = await self._connection.execute(query.order_by(prompts.c.name))
        return await read_rows(result, read_both, at_once=_AT_ONCE)

    async def change_token(self) -> str:
        """Return a change token, which differs once any prompt has changed."""
        query = sa.select(
            sa.func.count(),
            sa.func.max(prompts.c.updated_at),
            sa.func.sum(prompts.c.last_version),
            sa.func.count(prompts.c.archived_at),
        )
        return str((await self._connection.execute(query)).one())

    async def read_histories(self, ids: Sequence[UUID]) -> dict[UUID, History]:
        """Return the histories of some prompts, by id."""
        result = await self._connection.execute(PROMPT.where(prompts.c.id.in_(list(ids))))
        by_id = {row["id"]: prompt_from_row(row) for row in result.mappings()}
        versions = await self._grouped(prompt_versions, ids, prompt_versions.c.version)
        branches = await self._grouped(prompt_branches, ids, prompt_branches.c.branch)
        moves = await self._grouped(label_history, ids, label_history.c.id)
        names = await self._grouped(prompt_names, ids, prompt_names.c.name)
        histories = {}
        for prompt_id, prompt in by_id.items():
            histories[prompt_id] = History(
                versions=await _read_slowly(versions[prompt_id]),
                branches=tuple(_branch(row) for row in branches[prompt_id]),
                labels=prompt.labels,
                weights=prompt.weights,
                moves=tuple(move_from_row(row) for row in moves[prompt_id]),
                former_names=tuple(
                    row["name"] for row in names[prompt_id] if row["name"] != prompt.name
                ),
                created_at=prompt.created_at,
                archived_at=prompt.archived_at,
            )
        return histories

    async def _grouped(
        self, table: sa.Table, ids: Sequence[UUID], order: sa.Column[Any]
    ) -> dict[UUID, list[sa.RowMapping]]:
        query = sa.select(table).where(table.c.prompt_id.in_(list(ids))).order_by(order)
        grouped: dict[UUID, list[sa.RowMapping]] = {each: [] for each in ids}
        for row in (await self._connection.execute(query)).mappings():
            grouped[row["prompt_id"]].append(row)
        return grouped

    async def _insert(self, table: sa.Table, rows: Sequence[Mapping[str, object]]) -> None:
        if rows:
            await self._connection.execute(table.insert(), list(rows))


async def _read_slowly(rows: Sequence[sa.RowMapping]) -> tuple[Version, ...]:
    """Read versions a few at a time, so as not to block the event loop."""
    versions: list[Version] = []
    for start in range(0, len(rows), _AT_ONCE):
        versions += map(version_from_row, rows[start : start + _AT_ONCE])
        await asyncio.sleep(0)
    return tuple(versions)


def _prompt_row(prompt_id: UUID, metadata: Metadata, history: History) -> dict[str, object]:
    return {
        "id": prompt_id,
        "name": metadata.name,
        "title": metadata.title,
        "description": metadata.description,
        "folder": metadata.folder,
        "tags": list(metadata.tags),
        "last_version": history.versions[-1].version,
        "created_at": history.created_at,
        "archived_at": history.archived_at,
    }


def _version_row(prompt_id: UUID, version: Version) -> dict[str, object]:
    return {
        "prompt_id": prompt_id,
        "version": version.version,
        "created_at": version.created_at,
        **version_row(version, version.content_hash, version.includes),
    }


def _branch_row(prompt_id: UUID, branch: Branch) -> dict[str, object]:
    return {
        "prompt_id": prompt_id,
        "branch": branch.branch,
        "head": branch.head,
        "created_by": branch.created_by,
        "created_at": branch.created_at,
    }


def _branch(row: sa.RowMapping) -> Branch:
    return Branch(row["branch"], row["head"], row["created_by"], row["created_at"])
