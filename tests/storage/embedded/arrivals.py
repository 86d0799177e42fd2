"""Clients that come and go one after the other, about as far apart as the server's patience."""

import os
import random
import sys
import time
import traceback
from pathlib import Path

from storage.embedded.lifecycle import ensure
from storage.embedded.paths import Root
from tests.storage.embedded.client_process import fetch
from tests.support.embedded import root_in


def arrive(root: Root) -> int:
    """Return the exit code of a client that comes, asks once, and goes."""
    child = os.fork()
    if child == 0:
        try:
            assert fetch(ensure(root), "SELECT 1") == 1
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    idle_seconds, count = float(sys.argv[2]), int(sys.argv[3])
    root = root_in(Path(sys.argv[1]), idle_seconds=idle_seconds)
    for _ in range(count):
        if arrive(root):
            sys.exit(1)
        time.sleep(idle_seconds * random.uniform(0.9, 1.4))


if __name__ == "__main__":
    main()
