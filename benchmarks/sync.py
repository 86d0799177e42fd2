"""How much memory a sync takes, and how long it takes, by how many prompts there are.

python -m benchmarks.sync [COUNT …]

For each size (2,000 and 10,000 prompts of 2 kB) a process of its own syncs an empty folder with a
full library, then once more where nothing changed, then where every file changed. Its peak stands
beside that of a sync of one prompt, which is what the program itself takes.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.harness import SERVE, temporary_library

SIZES = (2_000, 10_000)
_TEXT = "Write about {{topic}}. "
_WORDS = 90
_SYNC = """
import atexit, pathlib, re, sys
from promptstack import main
def tell():
    status = pathlib.Path("/proc/self/status").read_text()
    print(re.search(r"VmHWM:\\s+(\\d+)", status)[1], file=sys.stderr)
atexit.register(tell)
main()
"""
"""Of what `getrusage` tells a part may be the process's that started this one."""


def fill(environment: Mapping[str, str], folder: Path, count: int) -> None:
    """Import prompts that are alike."""
    file = folder / "prompts.jsonl"
    with file.open("w", encoding="utf-8") as out:
        for number in range(count):
            text = f"{number}: {_TEXT * _WORDS}"
            out.write(json.dumps({"name": f"prompt-{number:06}", "template": text}) + "\n")
    command = [*SERVE, "import", str(file)]
    subprocess.run(command, env=os.environ | environment, stdout=subprocess.DEVNULL, check=True)


def sync(environment: Mapping[str, str], folder: Path) -> tuple[float, float]:
    """Sync a folder; returns the seconds that took, and the megabytes at its peak."""
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _SYNC, "sync", str(folder)],
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    return time.perf_counter() - begun, int(done.stderr.splitlines()[-1]) / 1024


def measure(count: int) -> None:
    with temporary_library() as environment, tempfile.TemporaryDirectory() as place:
        fill(environment, Path(place), count)
        folder = Path(place, "prompts")
        _show(count, "all written", sync(environment, folder))
        _show(count, "nothing changed", sync(environment, folder))
        for path in folder.glob("*.md"):
            path.write_text(path.read_text().replace("Write", "Sing", 1))
        _show(count, "all taken", sync(environment, folder))


def _show(count: int, what: str, took: tuple[float, float]) -> None:
    seconds, peak = took
    print(f"{count:>7,} prompts, {what:<16} {seconds:>7.1f} s {peak:>7.0f} MB", flush=True)


def main() -> None:
    for count in (1, *(map(int, sys.argv[1:]) if sys.argv[1:] else SIZES)):
        measure(count)


if __name__ == "__main__":
    main()
