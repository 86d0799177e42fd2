"""What patterns of arguments cost a rendering, and how long they hold everybody up.

python -m benchmarks.patterns [--turns 20] [--hostile-turns 3]

Prompts with 1, 20 and 250 arguments that have patterns are rendered with honest and with hostile
values: by workers, and by what was there before, `regex` with a limit of 50 ms for each argument in
the event loop. Only the comparisons differ; each rendering brings new values, so that none is
remembered. The longest hold is the longest time in which the event loop did nothing else. Last, an
honest rendering beside hostile ones that never cease.
"""

import argparse
import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from itertools import count

import regex

from benchmarks.harness import row, temporary_library
from mcp_server.app import open_library
from mcp_server.config import read_settings
from mcp_server.domain.patterns import Comparison, Verdict, Verdicts
from mcp_server.service.inputs import PromptInput
from mcp_server.service.library import Library
from mcp_server.service.patterns import Allowance, Patterns
from storage.values.entities import Argument
from storage.values.errors import Invalid, Unavailable

COUNTS = (1, 20, 250)
HONEST = r"[a-z][a-z0-9-]{0,62}@[a-z]+\.(?:org|net)"
HOSTILE = "(?:x|x|xx|(x+x+)+)+$"
_TICK = 0.001
_numbers = count()


class InProcess(Patterns):
    """What was there before."""

    async def judge(
        self, comparisons: Iterable[Comparison], allowance: Allowance | None = None
    ) -> Verdicts:
        """Compare in the event loop, each with a limit of its own."""
        return {each: self._verdict(each) for each in dict.fromkeys(comparisons)}

    def _verdict(self, each: Comparison) -> Verdict:
        try:
            found = regex.fullmatch(each.pattern, each.value or "", timeout=0.05)
        except TimeoutError:
            return Verdict("slow")
        return Verdict("mismatch" if found is None and each.value is not None else "match")


def value(hostile: bool) -> str:
    """Return a value that nobody has had yet."""
    number = next(_numbers)
    return "x" * (990 - number % 900) + f"y{number}" if hostile else f"ada-{number}@example.org"


async def fill(library: Library) -> None:
    """Write the prompts: `honest-20` has 20 arguments with an honest pattern."""
    for kind, pattern in (("honest", HONEST), ("hostile", HOSTILE)):
        for many in COUNTS:
            # Patterns that differ, as those of a prompt do; `|z…` changes nothing of what is asked.
            arguments = [Argument(f"a{n}", pattern=f"{pattern}|z{n}") for n in range(many)]
            text = " ".join(f"{{{{a{n}}}}}" for n in range(many))
            written = PromptInput(template=text, arguments=arguments)
            await library.prompts.create(f"{kind}-{many}", written)


async def render(library: Library, kind: str, many: int) -> float:
    """Render once, and return the seconds that it took."""
    values = {f"a{n}": value(kind == "hostile") for n in range(many)}
    began = time.perf_counter()
    with suppress(Invalid, Unavailable):
        await library.prompts.render(f"{kind}-{many}", values)
    return time.perf_counter() - began


async def held(work: asyncio.Task[None]) -> float:
    """Return the longest time that the event loop was held up until the work was done."""
    longest = 0.0
    while not work.done():
        began = time.perf_counter()
        await asyncio.sleep(_TICK)
        longest = max(longest, time.perf_counter() - began - _TICK)
    await work
    return longest


async def measure(library: Library, kind: str, many: int, turns: int, how: str) -> None:
    """Render so many times, and print how long it took and held up others."""
    taken: list[float] = []

    async def work() -> None:
        for _ in range(turns):
            taken.append(await render(library, kind, many))

    longest = await held(asyncio.create_task(work()))
    print(row(f"{kind}, {many} arguments, {how}, ms", taken, 1000, 1))
    print(f"{'  the longest hold, ms':<44} {1000 * longest:>9.1f}", flush=True)


async def measure_beside(library: Library, turns: int) -> None:
    """Render an honest prompt while four others never cease to be hostile."""
    await render(library, "honest", 1)

    async def attack() -> None:
        while True:
            await render(library, "hostile", 20)

    attacks = [asyncio.create_task(attack()) for _ in range(4)]
    await asyncio.sleep(1)
    await measure(library, "honest", 1, turns, "beside hostile ones")
    for task in attacks:
        task.cancel()
    await asyncio.gather(*attacks, return_exceptions=True)


async def run(environment: dict[str, str], turns: int, hostile_turns: int) -> None:
    """Measure everything in one library."""
    settings = read_settings(environment)
    async with open_library(settings) as library:
        await fill(library)
        workers, before = library.core.patterns, InProcess()
        for kind in ("honest", "hostile"):
            for many in COUNTS:
                for how, patterns in (("workers", workers), ("in the loop", before)):
                    library.prompts._patterns = patterns
                    await render(library, kind, many)  # starts a worker, fills caches
                    times = turns if kind == "honest" else hostile_turns
                    await measure(library, kind, many, times, how)
        library.prompts._patterns = workers
        await measure_beside(library, turns)


def main() -> None:
    """Read what is wanted, and measure."""
    given = argparse.ArgumentParser()
    given.add_argument("--turns", type=int, default=20)
    given.add_argument("--hostile-turns", type=int, default=3)
    chosen = given.parse_args()
    with temporary_library() as environment:
        asyncio.run(run(environment, chosen.turns, chosen.hostile_turns))


if __name__ == "__main__":
    main()
