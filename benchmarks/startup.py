"""How long a client waits, from starting the process to the handshake and to the first list.

python -m benchmarks.startup [RUNS]
"""

import sys
import time

from benchmarks.harness import BARE, SERVE, Client, library, ratio, row

COUNT = 1_000


def wait_for(command: list[str], environment: dict[str, str], era: str) -> tuple[float, float]:
    client = Client(command, environment)
    client.shake_hands(era)
    shaken = time.perf_counter() - client.started
    listed = client.ask("prompts/list")
    got = time.perf_counter() - client.started
    assert len(listed["prompts"]) == COUNT
    client.close()
    return shaken, got


def main(runs: int) -> None:
    with library(COUNT) as environment:
        for era in ("legacy", "modern"):
            ours, bare = [], []
            wait_for(SERVE, environment, era)
            for _ in range(runs):
                bare.append(wait_for([*BARE, str(COUNT)], environment, era))
                ours.append(wait_for(SERVE, environment, era))
            print(f"\n{era} era, {COUNT} prompts, warm database, {runs} pairs, seconds")
            for index, what in enumerate(("handshake", "first prompts/list")):
                mine, other = [pair[index] for pair in ours], [pair[index] for pair in bare]
                print(row(f"{what}, bare SDK server", other))
                print(row(f"{what}, promptstack", mine))
                print(ratio(f"{what}, ratio", mine, other))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
