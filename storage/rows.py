"""Rows to entities: the only place where both are seen."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping

from storage.codecs import argument_from_json, draft_from_json
from storage.entities import Prompt, PromptSummary, Version, VersionSummary


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
    )


def version_summary_from_row(row: RowMapping) -> VersionSummary:
    """Read a version as it stands in a list."""
    return VersionSummary(
        version=row["version"],
        branch=row["branch"],
        parent=row["parent"],
        merged_from=row["merged_from"],
        labels=tuple(row["label_names"] or ()),
        tags=tuple(row["tags"]),
        model_type=row["model_type"],
        commit_message=row["commit_message"],
        created_by=row["created_by"],
        created_at=row["created_at"],
        content_hash=row["content_hash"],
    )


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
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        archived_at=row["archived_at"],
    )


def summary_from_row(row: RowMapping) -> PromptSummary:
    """Read a prompt as it stands in a list."""
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
    )


def _uuid(value: Any) -> UUID:
    """Return a plain UUID: asyncpg's own subclass doesn't pickle."""
    return UUID(int=value.int)
