"""Patterns: comparisons of texts with regular expressions, made where they can be stopped.

Comparing would block the event loop, so worker processes do it; the kernel ends a worker when its
request's time is over.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cachetools import LRUCache

from mcp_server.domain.patterns import PATTERN_SECONDS, Comparison, Verdict, Verdicts
from mcp_server.service.workers import Answer, Busy, Crew, Lost
from storage.values.errors import Unavailable

QUICK_SECONDS = 0.025
"""Processor time within which comparisons are harmless."""
QUICK, UNKNOWN, SLOW = range(3)
"""The ranks of comparisons, by how quick their patterns have been."""
_REMEMBERED = 2_048
_LOST = 2
"""Most workers that one request may lose before it fails."""


@dataclass(slots=True)
class Allowance:
    """Processor time that the patterns of a request may still take."""

    seconds: float = PATTERN_SECONDS

    def add(self, seconds: float) -> None:
        """Grant more time, up to the full time of a request."""
        self.seconds = min(PATTERN_SECONDS, self.seconds + seconds)


class Patterns:
    """Compares texts with patterns, and remembers the verdicts and how quick patterns were."""

    def __init__(self, crew: Crew | None = None) -> None:
        self._crew = crew or Crew()
        self._known: LRUCache[Comparison, Verdict] = LRUCache(_REMEMBERED)
        self._ranks: LRUCache[str, int] = LRUCache(_REMEMBERED)

    async def judge(
        self, comparisons: Iterable[Comparison], allowance: Allowance | None = None
    ) -> Verdicts:
        """Return the verdict on each comparison; they share one allowance.

        Raises:
            Unavailable: the workers are busy with other requests, or were lost.
        """
        unique = dict.fromkeys(comparisons)
        verdicts = {each: self._known[each] for each in unique if each in self._known}
        waiting = [each for each in unique if each not in verdicts]
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
        """End the worker processes."""
        self._crew.close()

    async def _compare(
        self,
        waiting: Sequence[Comparison],
        allowance: Allowance,
        verdicts: dict[Comparison, Verdict],
    ) -> None:
        """Add a verdict on every waiting comparison, including those that time doesn't reach."""
        while waiting and allowance.seconds > 0:
            rank = max(self._ranks.get(each.pattern, UNKNOWN) for each in waiting)
            # A pattern that isn't known to be slow first gets the time that quick ones need. One
            # that needs more goes on among the slow ones, which can't take all workers.
            seconds = allowance.seconds if rank == SLOW else min(allowance.seconds, QUICK_SECONDS)
            answer = await self._ask(waiting, seconds, rank)
            spent = seconds if answer.seconds is None else answer.seconds
            allowance.seconds = max(0.0, allowance.seconds - spent)
            judged = list(zip(waiting, answer.verdicts, strict=False))
            verdicts.update(judged)
            self._known.update(each for each in judged if each[1].kind != "large")
            self._learn(waiting, answer)
            waiting = waiting[len(judged) :]
        verdicts.update((each, Verdict("slow")) for each in waiting[:1])
        verdicts.update((each, Verdict("unreached")) for each in waiting[1:])

    async def _ask(self, waiting: Sequence[Comparison], seconds: float, rank: int) -> Answer:
        """Ask the crew, once more if a worker was lost: killed, or without room to start."""
        for _ in range(_LOST - 1):
            try:
                return await self._crew.compare(waiting, seconds=seconds, rank=rank)
            except Lost:
                continue
        return await self._crew.compare(waiting, seconds=seconds, rank=rank)

    def _learn(self, asked: Sequence[Comparison], answer: Answer) -> None:
        """Rank patterns by how quick they were: slow at once, quick again step by step."""
        count = len(answer.verdicts)
        if answer.seconds is None:
            self._ranks.update((each.pattern, SLOW) for each in asked[count : count + 1])
            return
        is_quick = answer.seconds < QUICK_SECONDS / 2
        for pattern in {each.pattern for each in asked[:count]}:
            rank = self._ranks.get(pattern, UNKNOWN)
            self._ranks[pattern] = max(QUICK, rank - 1) if is_quick else max(UNKNOWN, rank)
