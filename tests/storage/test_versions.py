import asyncio

import asyncpg
import pytest

from storage.ids import new_id
from storage.values.entities import Draft, ImageContent, Message, Metadata, NewVersion, TextContent
from storage.values.errors import Conflict
from tests.support.library import add_prompt, add_version, move_label


async def test_writers_at_once_get_numbers_without_gap_or_double(database):
    prompt_id = await add_prompt(database, "busy")

    async def write(number: int) -> int:
        async with database.transaction() as tx:
            return await add_version(tx.versions, prompt_id, f"text {number}")

    numbers = await asyncio.gather(*(write(number) for number in range(20)))
    assert sorted(numbers) == list(range(2, 22))


async def test_a_rolled_back_write_leaves_no_gap(database):
    prompt_id = await add_prompt(database, "careful")
    with pytest.raises(RuntimeError, match="changed my mind"):
        async with database.transaction() as tx:
            await add_version(tx.versions, prompt_id, "never")
            raise RuntimeError("changed my mind")
    async with database.transaction() as tx:
        assert await add_version(tx.versions, prompt_id, "second") == 2


async def test_a_version_is_read_as_it_was_written(database):
    prompt_id = new_id()
    written = Draft(
        messages=(
            Message("system", TextContent("Be brief: {{topic}}\r\n\t“q” 🙂")),
            Message("user", ImageContent("aGk=", "image/png")),
        ),
        model_type="gpt-4",
        model_config={"temperature": 0.2},
        variants={"claude-*": (Message("user", TextContent("other")),)},
    )
    async with database.transaction() as tx:
        await tx.prompts.insert(prompt_id, Metadata("exact"))
        await tx.versions.append(
            prompt_id,
            NewVersion(draft=written, tags=("a",), created_by="me", commit_message="why"),
            "h",
        )
    async with database.reading() as tx:
        version = await tx.versions.find(prompt_id, 1)
    assert version is not None
    assert version.draft == written
    assert (version.tags, version.created_by, version.commit_message) == (("a",), "me", "why")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE prompt_versions SET created_by = 'forger'",
        "DELETE FROM prompt_versions",
        "UPDATE label_history SET moved_by = 'forger'",
        "DELETE FROM prompts",
        "TRUNCATE prompts CASCADE",
        "TRUNCATE label_history",
    ],
)
async def test_the_database_itself_refuses_to_rewrite_history(database, connector, statement):
    prompt_id = await add_prompt(database, "kept")
    async with database.transaction() as tx:
        await move_label(tx.labels, prompt_id, "production", 1)
    connection = await connector.connect()
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await connection.execute(statement)
    await connection.close()


async def test_purging_a_whole_prompt_is_possible_and_explicit(database, connector):
    await add_prompt(database, "doomed", versions=3)
    connection = await connector.connect()
    async with connection.transaction():
        await connection.execute("SET LOCAL promptstack.purge = 'on'")
        await connection.execute("DELETE FROM prompts WHERE name = 'doomed'")
    assert await connection.fetchval("SELECT count(*) FROM prompt_versions") == 0
    await connection.close()


@pytest.mark.parametrize("table", ["prompt_versions", "label_history"])
async def test_purging_takes_whole_prompts_and_never_a_part_of_their_history(
    database, connector, table
):
    prompt_id = await add_prompt(database, "kept", versions=3)
    async with database.transaction() as tx:
        await move_label(tx.labels, prompt_id, "staging", 1)
    connection = await connector.connect()
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        async with connection.transaction():
            await connection.execute("SET LOCAL promptstack.purge = 'on'")
            await connection.execute("DELETE FROM prompt_labels")
            await connection.execute(f"DELETE FROM {table} WHERE prompt_id = $1", prompt_id)
    await connection.close()


async def test_a_label_cant_point_at_a_version_that_isnt_there(database, connector):
    prompt_id = await add_prompt(database, "short")
    connection = await connector.connect()
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await connection.execute(
            "INSERT INTO prompt_labels (prompt_id, label, version, moved_by) "
            "VALUES ($1, 'production', 7, 'me')",
            prompt_id,
        )
    await connection.close()


async def test_a_taken_name_is_a_conflict(database):
    await add_prompt(database, "taken")
    with pytest.raises(Conflict, match="'taken' already exists"):
        await add_prompt(database, "taken")


async def test_versions_are_listed_newest_first_in_pages_with_their_labels(database):
    prompt_id = await add_prompt(database, "long", versions=5)
    async with database.transaction() as tx:
        await move_label(tx.labels, prompt_id, "production", 4)
    seen: list[tuple[int, tuple[str, ...]]] = []
    cursor = None
    async with database.reading() as tx:
        while True:
            page = await tx.versions.list_summaries(prompt_id, branch=None, limit=2, cursor=cursor)
            seen += [(listed.version, listed.labels) for listed in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
    assert seen == [(5, ()), (4, ("production",)), (3, ()), (2, ()), (1, ())]
