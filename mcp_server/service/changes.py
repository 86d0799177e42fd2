"""Change events on their way to clients: collected into bursts, then delivered in one go."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from storage.values.entities import Change

QUIET_SECONDS = 0.02
"""A burst ends when nothing has changed for this long."""
LONGEST_SECONDS = 0.25
"""Clients hear of a burst after this long, even if it goes on."""

Teller = Callable[[Sequence[Change]], Awaitable[None]]


class ChangeFeed:
    """Collects changes and delivers each burst in one go."""

    def __init__(self, tell: Teller) -> None:
        self._tell = tell
        self._collected: dict[Change, None] = {}
        self._something = asyncio.Event()

    def hear(self, change: Change) -> None:
        """Collect a change; the same change heard twice in a burst is delivered once."""
        self._collected[change] = None
        self._something.set()

    async def run(self) -> None:
        """Deliver bursts until cancelled."""
        while True:
            await self._something.wait()
            await self._burst_over()
            burst, self._collected = tuple(self._collected), {}
            self._something.clear()
            await self._tell(burst)

    async def _burst_over(self) -> None:
        ends = asyncio.get_running_loop().time() + LONGEST_SECONDS
        while asyncio.get_running_loop().time() < ends:
            before = len(self._collected)
            await asyncio.sleep(QUIET_SECONDS)
            if len(self._collected) == before:
                return
