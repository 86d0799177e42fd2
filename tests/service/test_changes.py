"""Changes come in bursts, and each burst is told once."""

import asyncio

import pytest

from mcp_server.service import changes
from mcp_server.service.changes import ChangeFeed
from storage.values.entities import Change


class Burst:
    """A feed that hears a change in each turn of the loop, and what it told."""

    def __init__(self) -> None:
        self.told: list[int] = []
        self._enough = asyncio.Event()

    async def lengths(self, turns: int, bursts: int) -> list[int]:
        """Return how many changes each of the first bursts had."""

        async def tell(burst):
            self.told.append(len(burst))
            if len(self.told) == bursts:
                self._enough.set()

        feed = ChangeFeed(tell)
        telling = asyncio.create_task(feed.run())
        for number in range(turns):
            feed.hear(Change("prompt", f"p{number}"))
            await asyncio.sleep(0)
        await self._enough.wait()
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        return self.told


@pytest.fixture(autouse=True)
def quiet_is_one_turn(monkeypatch):
    """Let a burst end after a turn of the loop in which nothing was heard, whatever the time."""
    monkeypatch.setattr(changes, "QUIET_SECONDS", 0)


async def test_a_burst_is_told_when_it_is_over(monkeypatch):
    monkeypatch.setattr(changes, "LONGEST_SECONDS", 3_600)
    assert await Burst().lengths(turns=100, bursts=1) == [100]


async def test_a_burst_that_goes_on_and_on_is_told_in_between(monkeypatch):
    monkeypatch.setattr(changes, "LONGEST_SECONDS", 0)
    told = await Burst().lengths(turns=100, bursts=5)
    assert max(told) < 100
