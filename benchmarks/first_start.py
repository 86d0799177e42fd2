"""The first start ever (initdb, migrate), and ten processes at once on a fresh data directory.

python -m benchmarks.first_start [RUNS]
"""

import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.harness import SERVE, Client, row, stop_database


def first_list(environment: dict[str, str]) -> float:
    client = Client(SERVE, environment)
    client.shake_hands("legacy")
    client.ask("prompts/list")
    took = time.perf_counter() - client.started
    client.close()
    return took


def on_a_fresh_folder(processes: int) -> list[float]:
    folder = tempfile.mkdtemp(prefix="promptstack-bench-")
    environment = {"PROMPTSTACK_DATA_DIR": folder, "PROMPTSTACK_IDLE_SECONDS": "600"}
    try:
        with ThreadPoolExecutor(processes) as pool:
            return list(pool.map(lambda _: first_list(environment), range(processes)))
    finally:
        stop_database(environment)
        shutil.rmtree(folder, ignore_errors=True)


def main(runs: int) -> None:
    os.environ.pop("DATABASE_URL", None)
    alone = [on_a_fresh_folder(1)[0] for _ in range(runs)]
    print("seconds from starting the process to its first prompts/list, on a fresh data directory")
    print(row("one process", alone))
    print(row("ten at once, each of them", on_a_fresh_folder(10)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
