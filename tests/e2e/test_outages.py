"""The database goes away under load: 503 with Retry-After, and no acknowledged write is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from mcp import Client

from storage.connectors import UrlConnector
from storage.schema import migrate
from tests.support.clusters import both, cluster, streaming_pair
from tests.support.processes import SECONDS
from tests.support.serving import Served, serving

pytestmark = pytest.mark.slow


class Writer:
    """Writes over REST again and again, and keeps account of what it was told."""

    def __init__(self, served: Served, name: str) -> None:
        self._served = served
        self._name = name
        self.acknowledged: list[str] = []
        self.refused = 0
        self.wrong: list[object] = []

    async def run(self, done: asyncio.Event) -> None:
        """Write until told to end."""
        number = 0
        while not done.is_set():
            number += 1
            name = f"{self._name}-{number}"
            answer = await self._served.client.post(
                "/prompts", json={"name": name, "template": "x"}
            )
            if answer.status_code == 201:
                self.acknowledged.append(name)
            elif answer.status_code == 503 and answer.headers.get("retry-after"):
                self.refused += 1
                await asyncio.sleep(0.02)
            else:
                self.wrong.append((name, answer.status_code, answer.text))


async def _until(condition) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.02)


async def _all_names(served: Served) -> set[str]:
    names: set[str] = set()
    address = "/prompts?limit=100"
    while address:
        answer = await served.client.get(address)
        assert answer.status_code == 200, answer.text
        names |= {each["name"] for each in answer.json()["items"]}
        address = answer.links.get("next", {}).get("url")
    return names


@pytest.fixture
async def restartable() -> AsyncIterator[tuple]:
    with cluster() as server:
        await server.create_database("library")
        await migrate(UrlConnector(server.url("library")))
        yield server, server.url("library")


async def test_a_restart_of_the_database_under_load_loses_nothing(restartable):
    server, url = restartable
    done = asyncio.Event()
    async with serving(url) as one, serving(url) as other:
        writers = [Writer(served, name) for served, name in ((one, "a"), (one, "b"), (other, "c"))]
        tasks = [asyncio.create_task(writer.run(done)) for writer in writers]
        await _until(lambda: all(len(writer.acknowledged) >= 10 for writer in writers))
        await asyncio.to_thread(server.stop)
        await _until(lambda: all(writer.refused >= 3 for writer in writers))
        ready = await one.client.get("/readyz")
        assert ready.status_code == 503
        assert (await one.client.get("/healthz")).status_code == 200
        await asyncio.to_thread(server.start)
        before = [len(writer.acknowledged) for writer in writers]
        await _until(
            lambda: all(
                len(writer.acknowledged) >= count + 10
                for writer, count in zip(writers, before, strict=True)
            )
        )
        done.set()
        await asyncio.gather(*tasks)
        assert [writer.wrong for writer in writers] == [[], [], []]
        acknowledged = {name for writer in writers for name in writer.acknowledged}
        for served in (one, other):
            assert acknowledged <= await _all_names(served)


@pytest.fixture
async def pair() -> AsyncIterator[tuple]:
    with streaming_pair() as (primary, standby):
        await primary.create_database("library")
        await migrate(UrlConnector(primary.url("library")))
        await primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        await primary.execute("SELECT pg_reload_conf()")
        yield primary, standby, both(primary, standby, "library")


async def test_a_failover_under_load_loses_nothing_and_clients_go_on(pair):
    primary, standby, url = pair
    done = asyncio.Event()
    async with AsyncExitStack() as stack:
        one, other = [await stack.enter_async_context(serving(url)) for _ in range(2)]
        reader = await stack.enter_async_context(
            Client(f"{other.url}/mcp", mode="legacy", read_timeout_seconds=SECONDS)
        )
        writer = Writer(one, "w")
        task = asyncio.create_task(writer.run(done))
        await _until(lambda: len(writer.acknowledged) >= 10)
        await asyncio.to_thread(primary.stop)
        await _until(lambda: writer.refused >= 3)
        await standby.execute("SELECT pg_promote()")
        before = len(writer.acknowledged)
        await _until(lambda: len(writer.acknowledged) >= before + 10)
        done.set()
        await task
        assert writer.wrong == []
        listed = {prompt.name for prompt in (await reader.list_prompts()).prompts}
        assert set(writer.acknowledged) <= listed
