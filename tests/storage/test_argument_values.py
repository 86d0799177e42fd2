"""Values that arguments were given: the newest, of prompts that are there."""

from uuid import UUID

from storage import argument_values
from tests.support.library import add_prompt

NOBODY = UUID(int=0)


async def _remember(database, *used):
    async with database.transaction() as tx:
        await tx.argument_values.remember_values(used)


async def _values(database, prompt_id, argument="name"):
    async with database.reading() as tx:
        return list(
            await tx.argument_values.list_values(prompt_id, argument, prefix="", limit=1_000)
        )


async def test_the_newest_values_of_each_argument_are_kept(database, monkeypatch):
    monkeypatch.setattr(argument_values, "MAX_KEPT", 2)
    prompt_id = await add_prompt(database, "greeting")
    await _remember(database, (prompt_id, "other", "kept"))
    for value in ("a", "b", "a", "c"):
        await _remember(database, (prompt_id, "name", value))
    assert await _values(database, prompt_id) == ["c", "a"]
    assert await _values(database, prompt_id, "other") == ["kept"]


async def test_many_values_at_once_are_cut_as_well(database):
    prompt_id = await add_prompt(database, "greeting")
    await _remember(database, *((prompt_id, "name", f"{number:03}") for number in range(300)))
    assert len(await _values(database, prompt_id)) == argument_values.MAX_KEPT == 100


async def test_values_of_a_prompt_that_is_gone_keep_no_others_out(database):
    prompt_id = await add_prompt(database, "greeting")
    await _remember(database, (NOBODY, "name", "lost"), (prompt_id, "name", "kept"))
    assert await _values(database, prompt_id) == ["kept"]


async def test_values_are_found_by_how_they_begin_the_latest_first(database):
    prompt_id = await add_prompt(database, "greeting")
    for value in ("Ada", "Bob", "ada b", "100%", "1000"):
        await _remember(database, (prompt_id, "name", value))

    async def found(prefix: str, limit: int = 10) -> list[str]:
        async with database.reading() as tx:
            return list(
                await tx.argument_values.list_values(prompt_id, "name", prefix=prefix, limit=limit)
            )

    assert await found("a") == ["ada b", "Ada"]
    assert await found("AD", limit=1) == ["ada b"]
    assert await found("100%") == ["100%"]
    assert await found("z") == []
