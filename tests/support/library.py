"""Short ways to fill a database for a test."""

from collections.abc import Sequence
from uuid import UUID

from storage.database import Database
from storage.ids import new_id
from storage.values.entities import (
    Argument,
    Draft,
    Message,
    Metadata,
    Move,
    NewVersion,
    TextContent,
)


def draft(text: str, *arguments: Argument, model_type: str | None = None) -> Draft:
    return Draft((Message("user", TextContent(text)),), arguments, model_type=model_type)


async def add_prompt(
    database: Database,
    name: str,
    text: str = "text",
    *,
    title: str | None = None,
    description: str | None = None,
    folder: str = "",
    tags: Sequence[str] = (),
    model_type: str | None = None,
    versions: int = 1,
) -> UUID:
    prompt_id = new_id()
    metadata = Metadata(name, title, description, folder, tuple(tags))
    async with database.transaction() as tx:
        await tx.prompts.insert(prompt_id, metadata)
        for number in range(1, versions + 1):
            written = text if number == versions else f"{text} (draft {number})"
            await add_version(tx.versions, prompt_id, written, tags, model_type)
    return prompt_id


async def add_many(database: Database, count: int, name: str, text: str) -> None:
    """Add prompts whose names hold their numbers, in one go."""
    prompts = """
        INSERT INTO prompts (id, name, last_version)
        SELECT gen_random_uuid(), replace($1::text, '{}', n::text), 1
        FROM generate_series(0, $2::integer - 1) AS n"""
    versions = """
        INSERT INTO prompt_versions
          (prompt_id, version, branch, messages, template_format, created_by, content_hash)
        SELECT id, 1, 'main', jsonb_build_array(jsonb_build_object('role', 'user', 'content',
          jsonb_build_object('type', 'text', 'text', $1::text))), 'simple', 'tester', name
        FROM prompts WHERE served_version IS NULL"""
    branches = """
        INSERT INTO prompt_branches (prompt_id, branch, head, created_by)
        SELECT id, 'main', 1, 'tester' FROM prompts WHERE served_version IS NULL"""
    async with database.transaction() as tx:
        await tx.connection.exec_driver_sql(prompts, (name, count))
        await tx.connection.exec_driver_sql(versions, (text,))
        await tx.connection.exec_driver_sql(branches)


async def add_version(versions, prompt_id, text, tags=(), model_type=None) -> int:
    return await versions.append(
        prompt_id,
        NewVersion(draft=draft(text, model_type=model_type), tags=tags, created_by="tester"),
        str(hash(text)),
    )


async def move_label(labels, prompt_id, label, version, *, before=None) -> None:
    await labels.record([(prompt_id, Move(label, before, version, {}, "me", None))])
