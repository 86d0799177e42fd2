from uuid import UUID

import pytest

from storage.values.entities import PromptFilter
from storage.values.errors import Invalid
from storage.values.pages import encode_cursor
from tests.support.library import add_prompt, move_label

NOBODY = UUID(int=0)


async def _names(database, chosen: PromptFilter, limit: int = 100) -> list[str]:
    async with database.reading() as tx:
        page = await tx.prompts.list_summaries(chosen, limit=limit)
    return [summary.name for summary in page.items]


async def test_a_bare_name_means_production_else_the_head_of_main(database):
    prompt_id = await add_prompt(database, "pointed", versions=3)

    async def served() -> int:
        async with database.reading() as tx:
            (summary,) = (await tx.prompts.list_summaries(PromptFilter(), limit=1)).items
            prompt = await tx.prompts.find("pointed")
        assert prompt is not None
        assert prompt.served_version == summary.version
        return summary.version

    assert await served() == 3
    async with database.transaction() as tx:
        await move_label(tx.labels, prompt_id, "production", 2)
    assert await served() == 2
    async with database.transaction() as tx:
        await move_label(tx.labels, prompt_id, "production", None, before=2)
    assert await served() == 3


async def test_filters_hold_together(database):
    await add_prompt(
        database, "wanted", tags=["summarization", "x"], model_type="gpt-4", versions=3
    )
    await add_prompt(database, "too-young", tags=["summarization"], model_type="gpt-4")
    await add_prompt(database, "other-model", tags=["summarization"], model_type="o3", versions=3)
    await add_prompt(database, "other-tag", tags=["x"], model_type="gpt-4", versions=3)
    chosen = PromptFilter(tags=("summarization",), model_type="gpt-4", min_version=3)
    assert await _names(database, chosen) == ["wanted"]


async def test_a_folder_means_itself_and_all_below_it(database):
    for name, folder in [
        ("root", ""), ("a", "support"), ("b", "support/emails"), ("c", "supporters"),
    ]:  # fmt: skip
        await add_prompt(database, name, folder=folder)
    assert await _names(database, PromptFilter(folder="support")) == ["a", "b"]
    allowed = PromptFilter(folders=("support/emails", "supporters"))
    assert await _names(database, allowed) == ["b", "c"]


async def test_a_label_filter_keeps_those_that_carry_it(database):
    prompt_id = await add_prompt(database, "labelled")
    await add_prompt(database, "bare")
    async with database.transaction() as tx:
        await move_label(tx.labels, prompt_id, "staging", 1)
    assert await _names(database, PromptFilter(label="staging")) == ["labelled"]


async def test_archived_prompts_are_listed_apart(database):
    prompt_id = await add_prompt(database, "old")
    await add_prompt(database, "new")
    async with database.transaction() as tx:
        await tx.prompts.set_archived(prompt_id, True)
    assert await _names(database, PromptFilter()) == ["new"]
    assert await _names(database, PromptFilter(archived=True)) == ["old"]


async def test_pages_join_up_to_the_whole_list(database):
    names = sorted(f"p{number}" for number in range(7))
    for name in names:
        await add_prompt(database, name)
    seen: list[str] = []
    cursor = None
    async with database.reading() as tx:
        while True:
            page = await tx.prompts.list_summaries(PromptFilter(), limit=3, cursor=cursor)
            assert page.next_cursor != ""
            seen += [summary.name for summary in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
    assert seen == names


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "é", "AAAAAAAAWyJhIl0", "a" * 5000])
async def test_a_forged_cursor_is_refused(database, cursor):
    async with database.reading() as tx:
        with pytest.raises(Invalid, match="Leave the cursor out"):
            await tx.prompts.list_summaries(PromptFilter(), limit=3, cursor=cursor)


@pytest.mark.parametrize("position", [(5,), (True,), (None,), ("a", "b"), ("a\0",)])
async def test_a_cursor_with_a_position_that_nobody_gave_out_is_refused(database, position):
    forged = {
        "prompts": encode_cursor(f"prompts {PromptFilter()}", position),
        "search": encode_cursor(f"search 'a' {PromptFilter()}", position),
        "versions": encode_cursor(f"versions {NOBODY} None", (*position, 2**40)),
    }
    async with database.reading() as tx:
        for read in (
            tx.prompts.list_summaries(PromptFilter(), limit=3, cursor=forged["prompts"]),
            tx.search.find("a", PromptFilter(), limit=3, cursor=forged["search"]),
            tx.versions.list_summaries(NOBODY, branch=None, limit=3, cursor=forged["versions"]),
        ):
            with pytest.raises(Invalid, match="Leave the cursor out"):
                await read


async def test_a_cursor_of_one_list_is_refused_by_another(database):
    for name in ("a", "b"):
        await add_prompt(database, name, tags=["t"])
    async with database.reading() as tx:
        page = await tx.prompts.list_summaries(PromptFilter(), limit=1)
        with pytest.raises(Invalid):
            await tx.prompts.list_summaries(
                PromptFilter(tags=("t",)), limit=1, cursor=page.next_cursor
            )


async def test_an_id_leads_to_the_name_of_that_prompt_alone(database):
    ids = {name: await add_prompt(database, name) for name in ("a", "b", "c")}
    async with database.reading() as tx:
        assert {name: await tx.prompts.find_name(key) for name, key in ids.items()} == {
            name: name for name in ids
        }
        assert await tx.prompts.find_name(NOBODY) is None
        assert await tx.bulk.find(["b", "nothing"]) == {"b": await tx.prompts.find("b")}
        assert await tx.includes.included(ids.values()) == frozenset()
    async with database.transaction() as tx:
        await tx.includes.record(ids["a"], 1, [(ids["b"], "")])
        await tx.includes.record(ids["c"], 1, [(ids["b"], "live"), (ids["a"], "")])
        assert await tx.includes.included(ids.values()) == {ids["a"], ids["b"]}
        assert await tx.includes.included([ids["c"], ids["b"]]) == {ids["b"]}
