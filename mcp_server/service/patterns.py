"""Patterns: comparisons of texts with regular expressions, made where they can be stopped.

Everybody waits for the event loop, so nothing is compared in it: workers do that, which the kernel
ends when a request's time is over.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cachetools import LRUCache

from mcp_server.domain.patterns import PATTERN_SECONDS, Comparison, Verdict, Verdicts
from mcp_server.service.workers import Answer, Busy, Crew, Lost
from storage.values.errors import Unavailable

QUICK_SECONDS = 0.025
"""Processor time of comparisons that nobody has to fear."""
QUICK, UNKNOWN, SLOW = range(3)
"""What is known of a pattern: the ranks of comparisons."""
_REMEMBERED = 2_048
_LOST = 2
"""So many workers may be lost in one request."""


@dataclass(slots=True)
class Allowance:
    """Processor time that the patterns of a request may still take."""

    seconds: float = PATTERN_SECONDS

    def add(self, seconds: float) -> None:
        """Grant some more, never more than a request has at first."""
        self.seconds = min(PATTERN_SECONDS, self.seconds + seconds)


class Patterns:
    """Compares texts with patterns, and remembers what came of it and how quick they were."""

    def __init__(self, crew: Crew | None = None) -> None:
        self._crew = crew or Crew()
        self._known: LRUCache[Comparison, Verdict] = LRUCache(_REMEMBERED)
        self._ranks: LRUCache[str, int] = LRUCache(_REMEMBERED)

    async def judge(
        self, comparisons: Iterable[Comparison], allowance: Allowance | None = None
    ) -> Verdicts:
        """Return the verdict on each comparison; they have one allowance together.

        Raises:
            Unavailable: the patterns of others take all there is.
        """
        asked = dict.fromkeys(comparisons)
        verdicts = {each: self._known[each] for each in asked if each in self._known}
        waiting = [each for each in asked if each not in verdicts]
        if not waiting:
            return verdicts
        try:
            await self._compare(waiting, allowance or Allowance(), verdicts)
        except (Busy, Lost):
            raise Unavailable(
                "The patterns of the arguments couldn't be compared: too many others are being "
                "compared just now. Try again."
            ) from None
        return verdicts

    def close(self) -> None:
        """End what compares."""
        self._crew.close()

    async def _compare(
        self,
        waiting: Sequence[Comparison],
        allowance: Allowance,
        verdicts: dict[Comparison, Verdict],
    ) -> None:
        """Add a verdict on everything that waits, while there is time."""
        while waiting and allowance.seconds > 0:
            rank = max(self._ranks.get(each.pattern, UNKNOWN) for each in waiting)
            # What isn't known to be slow gets no more than quick ones need at first: it goes on
            # among the slow ones, which can't take all workers.
            seconds = allowance.seconds if rank == SLOW else min(allowance.seconds, QUICK_SECONDS)
            answer = await self._ask(waiting, seconds, rank)
            took = seconds if answer.seconds is None else answer.seconds
            allowance.seconds = max(0.0, allowance.seconds - took)
            done = list(zip(waiting, answer.verdicts, strict=False))
            verdicts.update(done)
            self._known.update(each for each in done if each[1].kind != "large")
            self._learn(waiting, answer)
            waiting = waiting[len(done) :]
        verdicts.update((each, Verdict("slow")) for each in waiting[:1])
        verdicts.update((each, Verdict("unreached")) for each in waiting[1:])

    async def _ask(self, waiting: Sequence[Comparison], seconds: float, rank: int) -> Answer:
        """Ask again where a worker was lost: somebody ended it, or the machine has no room."""
        for _ in range(_LOST - 1):
            try:
                return await self._crew.compare(waiting, seconds=seconds, rank=rank)
            except Lost:
                continue
        return await self._crew.compare(waiting, seconds=seconds, rank=rank)

    def _learn(self, asked: Sequence[Comparison], answer: Answer) -> None:
        """Note how quick patterns were: slow at once, quick again step by step."""
        done = len(answer.verdicts)
        if answer.seconds is None:
            self._ranks.update((each.pattern, SLOW) for each in asked[done : done + 1])
            return
        is_quick = answer.seconds < QUICK_SECONDS / 2
        for pattern in {each.pattern for each in asked[:done]}:
            rank = self._ranks.get(pattern, UNKNOWN)
            self._ranks[pattern] = max(QUICK, rank - 1) if is_quick else max(UNKNOWN, rank)
