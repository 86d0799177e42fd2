"""How long a search takes in a large library, against ILIKE and against ranking every match.

python -m benchmarks.search [--prompts N] [--rounds N] [--url URL_OF_A_FILLED_LIBRARY]

What is measured is `library.search`: the queries and the snippets, with one client.
"""

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import sqlalchemy as sa

from benchmarks.corpus import Corpus, load_corpus
from mcp_server.app import open_library
from mcp_server.config import read_settings
from mcp_server.service.library import Library
from storage.connectors import UrlConnector
from storage.database import Database
from storage.values.entities import PromptFilter
from tests.support.postgres import ThrowawayCluster

_WARM_UP = 6
_ILIKE = """
SELECT p.id, p.name, p.title, p.description, v.messages FROM prompts p
JOIN prompt_versions v ON v.prompt_id = p.id AND v.version = p.served_version
WHERE p.archived_at IS NULL AND (p.name ILIKE :like OR p.title ILIKE :like
  OR v.messages::text ILIKE :like)
ORDER BY p.name LIMIT 20
"""
_RANK = """
SELECT p.id, p.name, p.title, p.description, v.messages,
  ts_rank(p.search, promptstack_query(:words)) AS score FROM prompts p
JOIN prompt_versions v ON v.prompt_id = p.id AND v.version = p.served_version
WHERE p.archived_at IS NULL AND p.search @@ promptstack_query(:words)
ORDER BY score DESC, p.name LIMIT 20
"""

Query = tuple[str, PromptFilter]


def queries(corpus: Corpus) -> dict[str, list[Query]]:
    """Ten queries of each kind, drawn from the corpus itself."""
    source, words = random.Random(3), corpus.words
    common = ["the code", "write a", "review", "text", "context", "a style", "prompt", "task"]
    rare = source.sample(words[5_000:25_000], 10)
    middling = source.sample(words[300:2_000], 10)
    entries = list(corpus.prompts(300))
    tags = [entry.tags[0] for entry in entries if entry.tags][:10]
    folders = [entry.folder for entry in entries if entry.folder][:10]
    models = ("gpt-4", "gpt-4o", "claude-sonnet-4")
    unfiltered = PromptFilter()
    return {
        "rare word": [(word, unfiltered) for word in rare],
        "common word": [(word, unfiltered) for word in common],
        "two words": [
            (f"{one} {two}", unfiltered) for one, two in zip(common, middling, strict=False)
        ],
        "three words": [
            (f"{one} {words[60 + number]} {words[90 + number]}", unfiltered)
            for number, one in enumerate(common)
        ],
        "name": [(entry.name, unfiltered) for entry in entries[:10]],
        "misspelt": [(_misspell(word, source), unfiltered) for word in middling],
        "question": [
            (f"please help me {one} the {two} of {three}", unfiltered)
            for one, two, three in zip(common, middling, rare, strict=False)
        ],
        "common + tag": [("code", PromptFilter(tags=(tag,))) for tag in tags],
        "common + folder": [("write", PromptFilter(folder=folder)) for folder in folders],
        "common + model": [("text", PromptFilter(model_type=model)) for model in models],
        "common + label": [("code", PromptFilter(label="staging"))],
        "CJK": [(word, unfiltered) for word in ("翻译", "代码审查", "故事", "学习", "あ")],
        "no match": [(f"zqx{number}vw", unfiltered) for number in range(8)],
        "list by tag": [("", PromptFilter(tags=(tag,))) for tag in tags],
        "list by folder": [("", PromptFilter(folder=folder)) for folder in folders],
        "list by model": [("", PromptFilter(model_type=model)) for model in models],
        "list all": [("", unfiltered)],
    }


def _misspell(word: str, source: random.Random) -> str:
    place = source.randrange(1, len(word) - 1)
    if source.random() < 0.5:
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return word[:place] + word[place + 1 :]


async def _timed(act: Callable[[], Awaitable[object]]) -> float:
    begun = time.perf_counter()
    await act()
    return (time.perf_counter() - begun) * 1000


async def _measure(library: Library, asked: Sequence[Query], rounds: int) -> list[float]:
    times = []
    for _ in range(rounds):
        for words, chosen in asked:
            times.append(
                await _timed(lambda w=words, c=chosen: library.search.find(w, c, limit=20))
            )
    return times


async def _measure_pages(library: Library, asked: Sequence[Query]) -> list[float]:
    times = []
    for words, chosen in asked:
        first = await library.search.find(words, chosen, limit=20)
        if cursor := first.next_cursor:
            act = partial(library.search.find, words, chosen, limit=20, cursor=cursor)
            times.append(await _timed(act))
    return times


async def _measure_sql(database: Database, statement: str, asked: Sequence[Query]) -> list[float]:
    times = []
    async with database.reading() as tx:
        for words, _ in asked:
            given = {"words": words, "like": f"%{words}%"}
            chosen = {name: value for name, value in given.items() if f":{name}" in statement}
            query = sa.text(statement).bindparams(**chosen)
            times.append(await _timed(partial(tx.connection.execute, query)))
    return times


def _row(name: str, times: Sequence[float]) -> str:
    if not times:
        return f"{name:<34} {'-':>8}"
    ordered = sorted(times)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"{name:<34} {statistics.median(ordered):>8.1f} {p95:>8.1f} {ordered[-1]:>8.1f}"


async def _run(url: str, rounds: int) -> None:
    database = Database(UrlConnector(url), pool_size=1)
    every: list[float] = []
    async with open_library(read_settings({"DATABASE_URL": url})) as library:
        kinds = queries(Corpus())
        for asked in kinds.values():
            await _measure(library, asked[:1], _WARM_UP)
        print(f"{'milliseconds':<34} {'p50':>8} {'p95':>8} {'max':>8}")
        for kind, asked in kinds.items():
            times = await _measure(library, asked, rounds)
            every += times
            print(_row(kind, times))
        mixed = [
            query for kind in ("rare word", "common word", "two words") for query in kinds[kind]
        ]
        pages = await _measure_pages(library, mixed)
        print(_row("second page", pages))
        print(_row("all of these", every + pages))
        for kind in ("rare word", "common word", "two words"):
            print(_row(f"ILIKE, {kind}", await _measure_sql(database, _ILIKE, kinds[kind][:4])))
            print(_row(f"rank all, {kind}", await _measure_sql(database, _RANK, kinds[kind])))
    await database.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--prompts", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--url")
    given = parser.parse_args()
    if given.url:
        asyncio.run(_run(given.url, given.rounds))
        return
    with ThrowawayCluster() as server:
        asyncio.run(server.create_database("library"))
        asyncio.run(load_corpus(server.url("library"), given.prompts))
        asyncio.run(_run(server.url("library"), given.rounds))


if __name__ == "__main__":
    main()
