"""Whether the tests notice when the code is wrong: small errors are made, one at a time.

pip install cosmic-ray
python -m benchmarks.mutants [--sample 200] [--seed 1] [--packages mcp_server/domain …]
    [--tests tests/domain tests/service tests/storage …] [--jobs 2] [--kept]
python -m benchmarks.mutants --line mcp_server/domain/names.py:12 … --tests tests/domain

Each mutant is one change of one line (`<` to `<=`, `and` to `or`, 1 to 2, a decorator gone) in a
copy of the repository. The tests that reach this line run, the fastest first, and should fail, or
not come to an end; if all pass, the mutant survived, and is printed for somebody to look at.
`--line` makes all mutants of a line, and runs all the tests that are named. Which test reaches what
is measured once for each state of the sources, and kept in `build/mutants`; with `--kept` that of
another state will do. Tests that start servers only run for what the embedded database does.
"""

import argparse
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from queue import SimpleQueue
from subprocess import TimeoutExpired

from benchmarks.mutants.changes import PACKAGES, Mutant, draw, of_line, weight
from benchmarks.mutants.copies import Copy, private_processes
from benchmarks.mutants.reaching import SHORT, Reach

_SIGNALS = "storage/embedded/"
_NONE_RAN = 5
_SLOW = {"storage/embedded/": "tests/storage/embedded"}
"""Code that hardly anything runs but tests that start servers, and where these are."""
_SLOW_SECONDS = 600
KILLED, TIMED_OUT, SURVIVED, NOT_REACHED = "killed", "timed out", "survived", "not reached"


def main() -> None:
    given = _arguments()
    if given.line:
        mutants = [each for place in given.line for each in of_line(*_place(place))]
        chosen = {mutant: dict.fromkeys(given.tests, 0.0) for mutant in mutants}
    else:
        mutants = _drawn(given.sample, given.seed, given.packages)
        reach = Reach(given.tests, kept=given.kept)
        chosen = {mutant: reach.tests(mutant.path, mutant.line) for mutant in mutants}
    _report(_tried(chosen, given.jobs, given.limit, whole_files=bool(given.line)))


def _arguments() -> argparse.Namespace:
    given = argparse.ArgumentParser(prog="python -m benchmarks.mutants")
    given.add_argument("--sample", type=int, default=200, help="how many, over all packages")
    given.add_argument("--seed", type=int, default=1)
    given.add_argument("--packages", nargs="+", default=PACKAGES, choices=PACKAGES)
    suites = ("tests/domain", "tests/service", "tests/storage")
    given.add_argument("--tests", nargs="+", default=suites, metavar="TESTS")
    given.add_argument("--line", nargs="+", metavar="FILE:LINE", help="all mutants of these")
    given.add_argument("--kept", action="store_true", help="measure nothing that was measured once")
    given.add_argument("--jobs", type=int, default=2)
    given.add_argument("--limit", type=float, default=90, help="seconds for a mutant, at least")
    return given.parse_args()


def _place(text: str) -> tuple[str, int]:
    path, _, line = text.rpartition(":")
    return path, int(line)


def _drawn(sample: int, seed: int, packages: Iterable[str]) -> list[Mutant]:
    """Draw as many of each package as it has lines to change, and say what was left out."""
    weights = {package: weight(package) for package in PACKAGES}
    found = []
    for package in packages:
        count = round(sample * weights[package] / sum(weights.values()))
        drawn, same = draw(package, count, seed)
        left_out = Counter(reason for _, reason in same)
        print(f"{package}: {len(drawn)} mutants; drawn and left out: {dict(left_out)}", flush=True)
        found += drawn
    if private_processes() is None:
        print(f"No `unshare` here: mutants of {_SIGNALS}, which signals processes, are left out.")
        found = [mutant for mutant in found if not mutant.path.startswith(_SIGNALS)]
    return found


def _tried(
    chosen: Mapping[Mutant, Mapping[str, float]], jobs: int, limit: float, *, whole_files: bool
) -> dict[Mutant, str]:
    """Run the tests of each mutant, in as many copies as there are jobs."""
    verdicts: dict[Mutant, str] = {}
    copies: SimpleQueue[Copy] = SimpleQueue()

    def trying(mutant: Mutant) -> None:
        tests, copy = chosen[mutant], copies.get()
        begun = time.monotonic()
        try:
            patience = limit + 5 * sum(tests.values())
            verdict = _try(copy, mutant, list(tests), patience, whole_files)
        finally:
            copies.put(copy)
        verdicts[mutant] = verdict
        took = time.monotonic() - begun
        print(f"{len(verdicts)}/{len(chosen)} {verdict}: {mutant} ({took:.0f} s, ", end="")
        print(f"{len(tests)} tests)", flush=True)

    with ExitStack() as opened, ThreadPoolExecutor(jobs) as threads:
        for _ in range(jobs):
            copies.put(opened.enter_context(Copy()))
        list(threads.map(trying, chosen))
    return verdicts


def _try(copy: Copy, mutant: Mutant, tests: list[str], limit: float, whole_files: bool) -> str:
    """Run the tests that reach a mutant, and where none fails those that start servers for it."""
    file = copy.root / mutant.path
    files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
    if whole_files:
        files += ["-m", SHORT]
    else:
        listed = copy.scratch / "chosen.json"
        listed.write_text(json.dumps(tests))
        files += ["--chosen", str(listed)]
    slow = [folder for code, folder in _SLOW.items() if mutant.path.startswith(code)]
    file.write_text(mutant.after)
    try:
        verdict = _run(copy, files, limit) if tests else NOT_REACHED
        if slow and verdict in (SURVIVED, NOT_REACHED):
            verdict = _run(copy, [*slow, "-m", "not timed"], limit + _SLOW_SECONDS)
        return verdict
    finally:
        file.write_text(mutant.before)


def _run(copy: Copy, tests: list[str], limit: float) -> str:
    try:
        code, said = copy.pytest(
            ["-m", "pytest"], ["-x", "-q", "--hypothesis-seed=0", *tests], limit
        )
    except TimeoutExpired:
        return TIMED_OUT
    assert code != _NONE_RAN, said
    return KILLED if code else SURVIVED


def _report(verdicts: Mapping[Mutant, str]) -> None:
    by_package: dict[str, Counter[str]] = defaultdict(Counter)
    for mutant, verdict in verdicts.items():
        by_package[next(each for each in PACKAGES if mutant.path.startswith(each))][verdict] += 1
    print()
    for package, counted in by_package.items():
        share = (counted[KILLED] + counted[TIMED_OUT]) / counted.total()
        print(f"{package:<20} {share:>6.1%} of {counted.total()} killed: {dict(counted)}")
    for mutant, verdict in verdicts.items():
        if verdict in (SURVIVED, NOT_REACHED):
            print(f"\n{verdict}: {mutant}\n{mutant.diff}")


if __name__ == "__main__":
    main()
