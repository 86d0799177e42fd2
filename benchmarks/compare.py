"""How long comparing and merging texts of a megabyte takes, against `diff` and `diff3`.

python -m benchmarks.compare [--turns 5]

Each text is changed in five ways, from a few words to another text altogether. The commands of the
system start a process each time, which is a few milliseconds of what they take.
"""

import argparse
import random
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from benchmarks.corpus import Corpus
from benchmarks.harness import ratio, row
from mcp_server.domain.diffs import diff_versions
from mcp_server.domain.drafts import content_hash, make_draft
from mcp_server.domain.merging import merge_drafts
from storage.values.entities import Draft, Version
from storage.values.errors import PromptError

_SIZE = 960_000
_WIDTH = 80


def texts() -> dict[str, tuple[str, str, str]]:
    """Base, ours, theirs: by how they differ."""
    source = random.Random(7)
    words = [word for entry in Corpus().prompts(1_500) for word in entry.texts[0].split()]

    def lines(seed: int) -> list[str]:
        drawn = random.Random(seed).choices(words, k=_SIZE // 5)
        text = " ".join(drawn)[:_SIZE]
        return [text[at : at + _WIDTH] for at in range(0, len(text), _WIDTH)]

    base = lines(1)

    def changed(share: float, half: int) -> list[str]:
        """Change lines of one half, so that what the two sides did can be merged."""
        middle = len(base) // 2
        return [
            f"{line[:20]} changed {source.randint(0, 9)}{line[30:]}"
            if (place < middle) == (half == 0) and source.random() < share
            else line
            for place, line in enumerate(base)
        ]

    one_line = " ".join(words)[:_SIZE]
    return {
        "a line in a thousand": _joined(base, changed(0.001, 0), changed(0.001, 1)),
        "a line in ten": _joined(base, changed(0.1, 0), changed(0.1, 1)),
        "every line": _joined(base, changed(1, 0), changed(1, 1)),
        "another text": _joined(base, lines(2), lines(3)),
        "one long line": (one_line, one_line.replace("e", "E", 9), f"{one_line} end"),
    }


def _joined(*sides: list[str]) -> tuple[str, str, str]:
    base, ours, theirs = ("\n".join(side) for side in sides)
    return base, ours, theirs


def _version(number: int, draft: Draft) -> Version:
    return Version(
        UUID(int=1), number, "main", None, None, draft, (), None, "bench", datetime.now(UTC),
        content_hash(draft),
    )  # fmt: skip


def _timed(work: Callable[[], object]) -> tuple[float, str]:
    begun = time.perf_counter()
    try:
        work()
        said = ""
    except PromptError as refusal:
        said = f"  refused: {refusal.message[:60]}"
    return time.perf_counter() - begun, said


def main() -> None:
    given = argparse.ArgumentParser()
    given.add_argument("--turns", type=int, default=5)
    turns = given.parse_args().turns
    with tempfile.TemporaryDirectory(prefix="promptstack-bench-") as folder:
        for name, sides in texts().items():
            _compare(name, sides, turns, Path(folder))


def _compare(name: str, sides: tuple[str, str, str], turns: int, folder: Path) -> None:
    drafts = [make_draft(template=side, template_format="text") for side in sides]
    files = [folder / str(number) for number in range(3)]
    for file, side in zip(files, sides, strict=True):
        file.write_text(side)
    base, ours, theirs = drafts
    old, new = _version(1, base), _version(2, ours)
    work: dict[str, Callable[[], object]] = {
        "diff": lambda: diff_versions(old, new),
        "diff by words": lambda: diff_versions(old, new, words=True),
        "merge": lambda: merge_drafts(base, ours, theirs),
    }
    commands = {
        "diff": ["diff", "-u", str(files[0]), str(files[1])],
        "merge": ["diff3", "-m", str(files[1]), str(files[0]), str(files[2])],
    }
    print(f"{name}:")
    for what, do in work.items():
        measured = [_timed(do) for _ in range(turns)]
        mine = [seconds for seconds, _ in measured]
        print(row(f"  {what}, ms", mine, 1e3, 0) + measured[0][1])
        if what in commands:
            command = commands[what]
            theirs_ = [
                _timed(lambda run=command: subprocess.run(run, capture_output=True, check=False))[0]
                for _ in range(turns)
            ]
            print(ratio(f"    to `{command[0]}`", mine, theirs_))


if __name__ == "__main__":
    main()
