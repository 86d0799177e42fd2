"""The primary dies, the standby is promoted: nothing acknowledged is lost, nobody restarts."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest

from mcp_server.service.inputs import PromptInput
from storage.connectors import UrlConnector
from storage.database import Database
from storage.notifications import Listener
from storage.schema import migrate
from storage.values.entities import Change
from storage.values.errors import Unavailable
from tests.support.clusters import Cluster, both, streaming_pair
from tests.support.processes import SECONDS
from tests.support.seeing import seen

pytestmark = pytest.mark.slow

WRITERS = 3


class Process:
    """A server's library: it hears, remembers and heals, and was given one URL for good."""

    def __init__(self, url: str) -> None:
        connector = UrlConnector(url)
        self.heard: list[Change] = []
        self.database = Database(connector)
        self.listener = Listener(connector, self._hear, self.database.notify)
        self.library = seen(self.database, is_hearing=lambda: self.listener.listening)
        self.acknowledged: list[str] = []
        self.unknown: set[str] = set()
        self.failures = 0

    async def __aenter__(self) -> "Process":
        await self.listener.start()
        self._running = asyncio.create_task(self.listener.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        await self.database.close()

    def _hear(self, change: Change) -> None:
        self.heard.append(change)
        self.library.core.hear(change)

    async def write(self, writer: int, done: asyncio.Event) -> None:
        """Create prompts until told to end; note which were acknowledged."""
        number = 0
        while not done.is_set():
            name, number = f"w{writer}-{number}", number + 1
            try:
                await self.library.prompts.create(name, PromptInput(template=name))
            except Unavailable as error:
                self.failures += 1
                if "isn't known" in error.message:
                    self.unknown.add(name)
                await asyncio.sleep(0.02)
            else:
                self.acknowledged.append(name)

    async def read(self, done: asyncio.Event) -> None:
        """Read what was acknowledged; it may be unreachable for a while, but never missing."""
        while not done.is_set():
            await asyncio.sleep(0.01)
            if self.acknowledged:
                with suppress(Unavailable):
                    await self.library.prompts.get(self.acknowledged[-1])


@pytest.fixture
def pair() -> Iterator[tuple[Cluster, Cluster]]:
    with streaming_pair() as (primary, standby):
        asyncio.run(_prepare(primary))
        yield primary, standby


async def _prepare(primary: Cluster) -> None:
    await primary.create_database("library")
    await migrate(UrlConnector(primary.url("library")))
    await primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
    await primary.execute("SELECT pg_reload_conf()")
    await _until(lambda: primary.execute("SELECT sync_state = 'sync' FROM pg_stat_replication"))


async def _until(condition) -> None:
    async with asyncio.timeout(SECONDS):
        while not await condition():
            await asyncio.sleep(0.02)


@pytest.fixture
async def processes(pair) -> AsyncIterator[tuple[Process, Process]]:
    url = both(*pair, "library")
    async with Process(url) as one, Process(url) as other:
        yield one, other


async def test_a_failover_loses_nothing_acknowledged_and_all_recover_by_themselves(pair, processes):
    primary, standby = pair
    one, other = processes
    done = asyncio.Event()
    tasks = [asyncio.create_task(one.write(number, done)) for number in range(WRITERS)]
    tasks += [asyncio.create_task(one.read(done)), asyncio.create_task(other.read(done))]
    await _until(_wrote(one, 20))

    await asyncio.to_thread(primary.stop)
    written_before = len(one.acknowledged)
    await _until(_failed(one, 5))
    await standby.execute("SELECT pg_promote()")

    await _until(_wrote(one, written_before + 20))
    done.set()
    await asyncio.gather(*tasks)
    await _check_nothing_is_lost(one, other)
    await _check_changes_are_heard_again(one, other)


def _wrote(process: Process, count: int):
    async def enough() -> bool:
        return len(process.acknowledged) >= count

    return enough


def _failed(process: Process, count: int):
    async def enough() -> bool:
        return process.failures >= count

    return enough


async def _check_nothing_is_lost(one: Process, other: Process) -> None:
    for process in (one, other):
        listed = {known.name for known in (await process.library.prompts.list_published()).items}
        assert set(one.acknowledged) <= listed
        assert listed <= set(one.acknowledged) | one.unknown


async def _check_changes_are_heard_again(one: Process, other: Process) -> None:
    async def both_listen() -> bool:
        return one.listener.listening and other.listener.listening

    await _until(both_listen)
    assert Change("everything") in other.heard
    await one.library.prompts.create("afterwards", PromptInput(template="1"))

    async def heard() -> bool:
        return any(change.name == "afterwards" for change in other.heard)

    await _until(heard)
    assert (await other.library.prompts.get("afterwards")).version.version == 1
