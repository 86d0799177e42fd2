"""Filters of lists and searches, as conditions on `prompts`."""

from collections.abc import Iterator, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from storage.tables import (
    label_weights,
    prompt_branches,
    prompt_includes,
    prompt_labels,
    prompt_names,
    prompts,
)
from storage.values.entities import PromptFilter

_LONGEST_MODEL = 128
"""Most characters of a stored model_type; longer ones match nothing."""


def conditions(chosen: PromptFilter) -> tuple[ColumnElement[bool], ...]:
    """Return the SQL conditions of a filter."""
    return (*_state(chosen), *_shape(chosen), *_allowed(chosen))


def facets(chosen: PromptFilter) -> str:
    """Return a filter's tags, folders and model type as a text query on the search vectors."""
    folders = [chosen.folder] if chosen.folder else []
    wanted = [
        *(_facet("t", tag) for tag in chosen.tags),
        *(_facet("f", folder) for folder in folders),
        _any_facet("m", models_for(chosen.model_type)),
        _any_facet("t", chosen.any_tags),
        _any_facet("f", chosen.folders),
    ]
    return " & ".join(filter(None, wanted))


def includers(name: str | sa.BindParameter[str]) -> sa.Select[tuple[UUID]]:
    """Select the ids of the prompts that include the named one in a version that is in use."""
    edge = prompt_includes
    included = sa.select(prompt_names.c.prompt_id).where(prompt_names.c.name == name)
    return sa.select(edge.c.prompt_id).where(
        edge.c.included_id == included.scalar_subquery(), is_in_use()
    )


def is_in_use(edge: sa.FromClause = prompt_includes) -> ColumnElement[bool]:
    """Return the condition that a label or branch points at an including version."""
    return sa.or_(
        *(
            sa.exists().where(
                table.c.prompt_id == edge.c.prompt_id, table.c[column] == edge.c.version
            )
            for table, column in (
                (prompt_labels, "version"),
                (label_weights, "version"),
                (prompt_branches, "head"),
            )
        )
    )


def models_for(model_type: str | None) -> list[str]:
    """Return the model types that match a model: its own name, and each prefix of it with '*'."""
    if model_type is None:
        return []
    longest = min(len(model_type), _LONGEST_MODEL)
    prefixes = [f"{model_type[:length]}*" for length in range(longest + 1)]
    return list(dict.fromkeys([model_type, *prefixes]))


def _any_facet(kind: str, values: Sequence[str]) -> str:
    return f"({' | '.join(_facet(kind, value) for value in values)})" if values else ""


def _facet(kind: str, value: str) -> str:
    # The first character can't be typed: no text and no query has such a word.
    quoted = value.replace("\\", "\\\\").replace("'", "''")
    return f"'\x01{kind}{quoted}'"


def _state(chosen: PromptFilter) -> Iterator[ColumnElement[bool]]:
    is_archived = prompts.c.archived_at.is_not(None)
    yield is_archived if chosen.archived else prompts.c.archived_at.is_(None)
    if chosen.version is not None:
        yield prompts.c.served_version == chosen.version
    if chosen.min_version is not None:
        yield prompts.c.served_version >= chosen.min_version
    if chosen.label is not None:
        labelled = sa.select(prompt_labels.c.prompt_id).where(prompt_labels.c.label == chosen.label)
        yield prompts.c.id.in_(labelled)
    if chosen.includes is not None:
        yield prompts.c.id.in_(includers(chosen.includes))


def _shape(chosen: PromptFilter) -> Iterator[ColumnElement[bool]]:
    if chosen.tags:
        yield prompts.c.tags.contains(list(chosen.tags))
    if chosen.folder:
        yield _below(chosen.folder)
    if chosen.model_type is not None:
        yield prompts.c.served_models.overlap(models_for(chosen.model_type))


def _allowed(chosen: PromptFilter) -> Iterator[ColumnElement[bool]]:
    if chosen.any_tags:
        yield prompts.c.tags.overlap(list(chosen.any_tags))
    if chosen.folders:
        yield sa.or_(*(_below(folder) for folder in chosen.folders))


def _below(folder: str) -> ColumnElement[bool]:
    return sa.or_(
        prompts.c.folder == folder, prompts.c.folder.startswith(f"{folder}/", autoescape=True)
    )
