"""Short ways to fill a database for a test."""

from collections.abc import Sequence
from uuid import UUID

from storage.database import Database
from storage.entities import MAIN, Argument, Draft, Message, Metadata, TextContent
from storage.ids import new_id


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


async def add_version(versions, prompt_id, text, tags=(), model_type=None) -> int:
    return await versions.append(
        prompt_id,
        draft(text, model_type=model_type),
        branch=MAIN,
        parent=None,
        content_hash=str(hash(text)),
        tags=tags,
        created_by="tester",
    )
