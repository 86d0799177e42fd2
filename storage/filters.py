"""What narrows a list or a search, as conditions on `prompts`."""

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from storage.entities import PromptFilter
from storage.tables import prompt_labels, prompts


def conditions(chosen: PromptFilter) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that hold for the prompts that a filter keeps."""
    return (*_state(chosen), *_shape(chosen), *_allowed(chosen))


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


def _shape(chosen: PromptFilter) -> Iterator[ColumnElement[bool]]:
    if chosen.tags:
        yield prompts.c.tags.contains(list(chosen.tags))
    if chosen.folder:
        yield _below(chosen.folder)
    if chosen.model_type is not None:
        yield prompts.c.served_model_type == chosen.model_type


def _allowed(chosen: PromptFilter) -> Iterator[ColumnElement[bool]]:
    if chosen.any_tags:
        yield prompts.c.tags.overlap(list(chosen.any_tags))
    if chosen.folders:
        yield sa.or_(*(_below(folder) for folder in chosen.folders))


def _below(folder: str) -> ColumnElement[bool]:
    return sa.or_(
        prompts.c.folder == folder, prompts.c.folder.startswith(f"{folder}/", autoescape=True)
    )
