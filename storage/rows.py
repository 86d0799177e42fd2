"""Rows to entities: the only place where both are seen."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import CursorResult, RowMapping

from storage.values.codecs import argument_from_json, draft_from_json, draft_to_json
from storage.values.entities import (
    NewVersion,
    Prompt,
    PromptSummary,
    RecordedMove,
    Version,
    VersionSummary,
)

T = TypeVar("T")

_AT_ONCE = 50
"""Rows that are read before the event loop gets a turn."""


async def read_rows(
    result: CursorResult[Any], read: Callable[[RowMapping], T], *, at_once: int = _AT_ONCE
) -> list[T]:
    """Read every row of a result, a few at a time so as not to block the event loop."""
    rows, entities = result.mappings(), list[T]()
    while piece := rows.fetchmany(at_once):
        entities += map(read, piece)
        await asyncio.sleep(0)
    return entities


def version_from_row(row: RowMapping | Mapping[str, Any]) -> Version:
    """Read a whole version."""
    return Version(
        prompt_id=_uuid(row["prompt_id"]),
        version=row["version"],
        branch=row["branch"],
        parent=row["parent"],
        merged_from=row["merged_from"],
        draft=draft_from_json(dict(row)),
        tags=tuple(row["tags"]),
        commit_message=row["commit_message"],
        created_by=row["created_by"],
        created_at=row["created_at"],
        content_hash=row["content_hash"],
        includes=tuple(row["includes"]),
    )


def version_row(
    version: NewVersion | Version, content_hash: str, includes: Sequence[str]
) -> dict[str, Any]:
    """Return the columns of a version, except for its prompt, number and time."""
    return {
        "branch": version.branch,
        "parent": version.parent,
        "merged_from": version.merged_from,
        "content_hash": content_hash,
        "tags": list(version.tags),
        "created_by": version.created_by,
        "commit_message": version.commit_message,
        "includes": list(includes),
        **draft_to_json(version.draft),
    }


def version_summary_from_row(row: RowMapping) -> VersionSummary:
    """Read the summary of a version."""
    return VersionSummary(
        version=row["version"],
        branch=row["branch"],
        parent=row["parent"],
        merged_from=row["merged_from"],
        labels=tuple(row["label_names"] or ()),
        moves=tuple(move_from_row(move) for move in row["moves"] or ()),
        tags=tuple(row["tags"]),
        model_type=row["model_type"],
        commit_message=row["commit_message"],
        created_by=row["created_by"],
        created_at=row["created_at"],
        content_hash=row["content_hash"],
    )


def move_from_row(row: RowMapping | Mapping[str, Any]) -> RecordedMove:
    """Read a label's move, whose time is a text if it comes from JSON."""
    moved_at = row["moved_at"]
    return RecordedMove(
        label=row["label"],
        from_version=row["from_version"],
        to_version=row["to_version"],
        weights={int(version): each for version, each in (row["weights"] or {}).items()},
        moved_by=row["moved_by"],
        moved_at=datetime.fromisoformat(moved_at) if isinstance(moved_at, str) else moved_at,
        reason=row["reason"],
    )


def _grouped(shares: Iterable[tuple[str, int, int]]) -> dict[str, dict[int, int]]:
    weights: dict[str, dict[int, int]] = {}
    for label, version, weight in shares:
        weights.setdefault(label, {})[version] = weight
    return weights


def prompt_from_row(row: RowMapping) -> Prompt:
    """Read a prompt with its pointers."""
    return Prompt(
        id=_uuid(row["id"]),
        name=row["name"],
        title=row["title"],
        description=row["description"],
        folder=row["folder"],
        tags=tuple(row["tags"]),
        last_version=row["last_version"],
        labels=row["labels"],
        branches=row["branches"],
        weights=_grouped(row["weights"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        archived_at=row["archived_at"],
    )


def summary_from_row(row: RowMapping) -> PromptSummary:
    """Read the summary of a prompt."""
    return PromptSummary(
        id=_uuid(row["id"]),
        name=row["name"],
        title=row["title"],
        description=row["description"],
        folder=row["folder"],
        tags=tuple(row["tags"]),
        version=row["served_version"],
        arguments=tuple(argument_from_json(argument) for argument in row["arguments"]),
        model_type=row["served_model_type"],
        labels=tuple(row["label_names"] or ()),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        archived_at=row["archived_at"],
        includes=tuple(row["includes"]),
    )


def _uuid(value: Any) -> UUID:
    """Return a plain UUID: asyncpg's own subclass doesn't pickle."""
    return UUID(int=value.int)
