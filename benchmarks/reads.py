"""What one `prompts/get` costs in a library of 10,000 prompts, and how stale a read can be.

python -m benchmarks.reads [CALLS]
"""

import random
import statistics
import sys
import time

from benchmarks.harness import BARE, SERVE, Client, library, ratio, row

COUNT = 10_000
ROUNDS = 5


def get_many(client: Client, calls: int, names: list[str]) -> float:
    """The median time of one call."""
    times = []
    for number in range(calls):
        name = names[number % len(names)]
        begun = time.perf_counter()
        client.ask("prompts/get", name=name, arguments={"topic": "benchmarks"})
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def staleness(environment: dict[str, str], writes: int) -> list[float]:
    """From a write's answer in one process to the first read in another that sees it."""
    writer, reader = Client(SERVE, environment), Client(SERVE, environment)
    writer.shake_hands("legacy")
    reader.shake_hands("legacy")
    lags = []
    for number in range(writes):
        reader.ask("prompts/get", name="prompt-00001", arguments={"topic": "x"})
        text = f"Version of write {number}: {{{{topic}}}}"
        writer.ask(
            "tools/call", name="update_prompt", arguments={"name": "prompt-00001", "template": text}
        )
        written = time.perf_counter()
        while True:
            answer = reader.ask("prompts/get", name="prompt-00001", arguments={"topic": "x"})
            if f"write {number}:" in answer["messages"][0]["content"]["text"]:
                break
        lags.append(time.perf_counter() - written)
    writer.close()
    reader.close()
    return lags


def main(calls: int) -> None:
    with library(COUNT) as environment:
        names = [f"prompt-{number:05}" for number in random.sample(range(COUNT), 200)]
        for era in ("legacy", "modern"):
            ours, bare = Client(SERVE, environment), Client([*BARE, "10"])
            ours.shake_hands(era)
            bare.shake_hands(era)
            get_many(ours, len(names), names)
            get_many(bare, 200, names)
            mine, other = [], []
            for _ in range(ROUNDS):
                other.append(get_many(bare, calls, names))
                mine.append(get_many(ours, calls, names))
            ours.close()
            bare.close()
            print(
                f"\nprompts/get, {era} era, {COUNT} prompts, {ROUNDS} × {calls} calls, milliseconds"
            )
            print(row("bare SDK server", other, 1000))
            print(row("promptstack", mine, 1000))
            print(ratio("ratio", mine, other))
        lags = staleness(environment, 50)
        print("\nfrom a write's answer to the first fresh read in another process, milliseconds")
        print(row("staleness (includes one prompts/get)", lags, 1000))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
