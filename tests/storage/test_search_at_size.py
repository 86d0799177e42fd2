"""Search and lists where words are common: what is found, and through which plans."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
import sqlalchemy as sa

from storage.connectors import UrlConnector
from storage.database import Database
from storage.values.entities import PromptFilter
from tests.support.library import add_many, add_prompt, move_label
from tests.support.postgres import Server

MANY = 5_000
OLD = [
    # name, title, text, and what else
    ("old-title", "Alpha", "text", {}),
    ("beta", None, "text", {}),
    ("old-tag", None, "alpha", {"tags": ["precious"]}),
    ("old-folder", None, "alpha", {"folder": "deep/down"}),
    ("old-model", None, "alpha", {"model_type": "o3"}),
    ("old-label", None, "alpha", {}),
    ("old-version", None, "alpha", {"versions": 3}),
    ("old-archived", None, "alpha", {}),
    ("old-rare", None, "alpha zebra", {}),
    ("old-quoted", None, "alpha", {"tags": ["it's a \\ tag"]}),
]


@pytest.fixture(scope="module")
def full_database_url(postgres: Server, template: str) -> Iterator[str]:
    """The URL of a library of thousands, which takes seconds to make and is only read here."""
    name = f"ps_full_{os.getpid()}"
    asyncio.run(postgres.create_database(name, template))
    asyncio.run(_fill(postgres.url(name)))
    yield postgres.url(name)
    asyncio.run(postgres.drop_database(name))


@pytest.fixture
async def library(full_database_url: str) -> AsyncIterator[Database]:
    opened = Database(UrlConnector(full_database_url))
    yield opened
    await opened.close()


async def _fill(url: str) -> None:
    """Make a few old prompts, and then thousands with the same words."""
    database = Database(UrlConnector(url))
    for name, title, text, more in OLD:
        prompt_id = await add_prompt(database, name, text, title=title, **more)
        async with database.transaction() as tx:
            if name == "old-label":
                await move_label(tx.labels, prompt_id, "staging", 1)
            if name == "old-archived":
                await tx.prompts.set_archived(prompt_id, True)
    await add_many(database, MANY, "beta-{}", "alpha gamma")
    async with database.transaction() as tx:
        await tx.connection.execute(sa.text("ANALYZE"))
    await database.close()


async def _found(database, words: str, *, limit: int = 100, **chosen) -> list[str]:
    names: list[str] = []
    cursor = None
    async with database.reading() as tx:
        while True:
            page = await tx.search.find(words, PromptFilter(**chosen), limit=limit, cursor=cursor)
            names += [hit.prompt.name for hit in page.items]
            cursor = page.next_cursor
            if cursor is None:
                return names


async def test_what_stands_in_names_and_titles_comes_before_new_texts(library):
    found = await _found(library, "alpha", limit=30)
    assert found[0] == "old-title"
    assert len(found) == len(set(found)) == 101
    newest = {f"beta-{number}" for number in range(MANY - 100, MANY)}
    assert set(found[1:]) == newest


async def test_the_exact_name_comes_first_however_many_share_its_word(library):
    found = await _found(library, "beta", limit=30)
    assert found[0] == "beta"
    assert len(found) == len(set(found)) == 201


async def test_a_rare_word_is_found_in_the_oldest_text(library):
    assert await _found(library, "zebra") == ["old-rare"]
    assert await _found(library, "zebra alpha") == ["old-rare"]
    assert (await _found(library, "gamma of any zebra"))[0] == "old-rare"
    assert await _found(library, "zebar") == ["old-rare"]


FILTERS = [
    ({"tags": ("precious",)}, ["old-tag"]),
    ({"tags": ("it's a \\ tag",)}, ["old-quoted"]),
    ({"any_tags": ("precious", "it's a \\ tag")}, ["old-quoted", "old-tag"]),
    ({"folder": "deep"}, ["old-folder"]),
    ({"folder": "deep/down"}, ["old-folder"]),
    ({"folder": "dee"}, []),
    ({"folders": ("deep", "other")}, ["old-folder"]),
    ({"model_type": "o3"}, ["old-model"]),
    ({"label": "staging"}, ["old-label"]),
    ({"min_version": 2}, ["old-version"]),
    ({"archived": True}, ["old-archived"]),
    ({"tags": ("precious",), "folder": "deep"}, []),
]


async def test_filters_reach_the_oldest_prompts_of_a_common_word(library):
    for chosen, names in FILTERS:
        assert await _found(library, "alpha", **chosen) == names


@pytest.fixture
async def plans(library):
    """Call it with words or a filter: it returns the plans of all that runs in the database."""
    async with library.reading() as tx:
        driver = (await tx.connection.get_raw_connection()).driver_connection
        try:
            await driver.execute("LOAD 'auto_explain'")
        except asyncpg.PostgresError:
            pytest.skip("auto_explain can't be loaded on this server")
        await driver.execute(
            "SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on; "
            "SET client_min_messages = log; "
            # As much as reading the whole table would cost with 100,000 prompts.
            f"SET seq_page_cost = {100_000 // MANY}"
        )
        seen: list[str] = []
        driver.add_log_listener(lambda _, message: seen.append(message.message))

        async def explain(words: str = "", **chosen) -> str:
            seen.clear()
            for _ in range(7):  # after five the server may choose a plan for any value
                if words:
                    await tx.search.find(words, PromptFilter(**chosen), limit=20)
                else:
                    await tx.prompts.list_summaries(PromptFilter(**chosen), limit=20)
            return "\n".join(plan for plan in seen if "plan:" in plan)

        yield explain


def _whole_reads(shown: str) -> list[str]:
    return re.findall(r"(?:.*\n){6}.*Seq Scan on prompt(?:s|_versions)\b.*\n.*", shown)


async def test_a_search_reads_no_table_from_end_to_end(plans):
    for words in ("alpha", "zebra", "alpha gamma", "zebar", "qqqq", "what alpha"):
        shown = await plans(words)
        assert "ix_prompts_search" in shown
        assert _whole_reads(shown) == []
        shown = await plans(words, tags=("precious",), label="staging")
        assert _whole_reads(shown) == []


async def test_a_list_reads_no_table_from_end_to_end(plans):
    for chosen, _ in [*FILTERS, ({}, [])]:
        shown = await plans(**chosen)
        assert "Index Scan" in shown
        assert _whole_reads(shown) == []
