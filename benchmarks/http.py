"""What HTTP costs, against servers that return constants.

python -m benchmarks.http [--prompts N] [--quick] [--library FOLDER]

Two servers run side by side and are asked in turns: promptstack with a library of N prompts
(100,000), and a bare one: the SDK's server and a FastAPI route, returning constants. The client
sends requests that were made beforehand, so that the servers are measured and not the client.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from benchmarks.corpus import Corpus, load_corpus
from benchmarks.harness import SERVE, database_url, fill, ratio, row, temporary_library
from benchmarks.load import (
    ask,
    ask_each,
    connection_to,
    cycle,
    exchange,
    free_port,
    get,
    latencies,
    mcp,
    open_session,
    request,
    throughput,
)
from benchmarks.streams import measure_streams

BARE = [sys.executable, "-P", str(Path(__file__).with_name("bare_http.py"))]
ERAS = ("2026-07-28", "2025-11-25")
LISTED = 1_000
HOT = 1_000
"""Prompts that are asked for over and over, as a team uses its own."""


@dataclass(frozen=True, slots=True)
class Side:
    """A server, and what each client asks it."""

    port: int
    asked: Sequence[Iterator[bytes]]


def main(prompts: int, quick: bool, library: str | None) -> None:
    rounds, seconds = (3, 1.0) if quick else (7, 3.0)
    with served(prompts, _fill, library) as ours, bare() as other:
        names = [prompt.name for prompt in Corpus().prompts(prompts)]
        gets(ours, other, names, rounds, seconds)
        rest(ours, other, names, rounds, seconds)
        searches(ours, 100 if quick else 300)
        updates(ours)
        measure_streams(ours, 200 if quick else 1_000)
    with served(LISTED, _fill_small) as ours, bare() as other:
        lists(ours, other, rounds, seconds)
    with replicas() as (one, another):
        seen_elsewhere(one, another, 200 if quick else 1_000)


def gets(ours: int, other: int, names: Sequence[str], rounds: int, seconds: float) -> None:
    hot = random.Random(1).sample(names, min(HOT, len(names)))
    ask_each(ours, [get(ours, f"/prompts/{name}") for name in hot])
    for era in ERAS:
        for clients in (1, 16):
            compare(
                f"prompts/get, {era}, {len(names):,} prompts, {len(hot):,} in use, "
                f"{clients} client(s)",
                Side(ours, [_mcp_gets(ours, hot, era) for _ in range(clients)]),
                Side(other, [_mcp_gets(other, hot, era) for _ in range(clients)]),
                rounds,
                seconds,
            )
    anywhere = random.Random(2).sample(names, len(names))
    compare(
        f"prompts/get, 2026-07-28, each of {len(names):,} prompts in turn, 16 clients",
        Side(ours, [_mcp_gets(ours, anywhere[each::16], "2026-07-28") for each in range(16)]),
        Side(other, [_mcp_gets(other, hot, "2026-07-28") for _ in range(16)]),
        rounds,
        seconds,
    )


def lists(ours: int, other: int, rounds: int, seconds: float) -> None:
    for era in ERAS:
        mine, theirs = (
            Side(port, [cycle([mcp(port, "prompts/list", _session(port, era))])])
            for port in (ours, other)
        )
        compare(f"prompts/list of {LISTED:,}, {era}, 1 client", mine, theirs, rounds, seconds)


def rest(ours: int, other: int, names: Sequence[str], rounds: int, seconds: float) -> None:
    hot = random.Random(1).sample(names, min(HOT, len(names)))
    for clients in (1, 16):
        mine, theirs = (
            Side(port, [cycle([get(port, f"/prompts/{name}") for name in hot])] * clients)
            for port in (ours, other)
        )
        title = f"REST get by name, {clients} client(s), against a FastAPI route"
        compare(title, mine, theirs, rounds, seconds)
    head, _ = ask(ours, get(ours, f"/prompts/{hot[0]}"))
    etag = next(line for line in head.split(b"\r\n") if line.startswith(b"etag:")).decode()[6:]
    known = Side(ours, [cycle([get(ours, f"/prompts/{hot[0]}", if_none_match=etag)])])
    whole = Side(ours, [cycle([get(ours, f"/prompts/{hot[0]}")])])
    compare("REST 304, against 200", known, whole, rounds, seconds)


def searches(port: int, count: int) -> None:
    """How long searches take, once others have brought the library into memory."""
    others, queries = _queries(count, seed=4), _queries(count, seed=3)
    ask_each(port, [get(port, _search(words)) for words in others])
    taken = latencies(port, iter(get(port, _search(words)) for words in queries), len(queries))
    print(f"\nsearch, {len(queries)} different ones, 1 client, milliseconds")
    print(row("all", taken, 1000, 1))
    print(f"{'p95':<44} {1000 * statistics.quantiles(taken, n=20)[-1]:>9.1f}")
    slowest = sorted(zip(taken, queries, strict=True), reverse=True)[:5]
    print("slowest: " + ", ".join(f"{1000 * t:.0f} ms '{words}'" for t, words in slowest))


def updates(port: int) -> None:
    """32 writes of one prompt, all but the first at once: 32 versions without a gap."""
    name = f"contended-{time.time_ns()}"
    body = b'{"name": "%s", "template": "version 1"}' % name.encode()
    ask(port, request("POST", port, "/prompts", body, {}))
    began = time.perf_counter()
    asyncio.run(_all_at_once(port, name, 31))
    took = time.perf_counter() - began
    _, listed = ask(port, get(port, f"/prompts/{name}/versions?limit=100"))
    numbers = sorted(version["version"] for version in json.loads(listed)["items"])
    verdict = "1..32 without a gap" if numbers == list(range(1, 33)) else f"WRONG: {numbers}"
    print(f"\n31 updates of one prompt at once: {verdict}, {1000 * took:.0f} ms in all")


def seen_elsewhere(one: int, another: int, count: int) -> None:
    """The seconds from a write's answer until the other replica shows what was written."""
    name = "watched"
    body = b'{"name": "%s", "template": "version 1"}' % name.encode()
    ask(one, request("POST", one, "/prompts", body, {}))
    taken = []
    with connection_to(one) as writing, connection_to(another) as reading:
        for version in range(2, count + 2):
            body = b'{"template": "version %d"}' % version
            exchange(writing, request("PUT", one, f"/prompts/{name}", body, {}))
            began = time.perf_counter()
            while (
                b'"version":%d,' % version
                not in exchange(reading, get(another, f"/prompts/{name}"))[1]
            ):
                pass
            taken.append(time.perf_counter() - began)
    print(f"\na write is read through another replica, {count:,} times, milliseconds")
    print(row("all, the read included", taken, 1000, 1))
    print(f"{'p99':<44} {1000 * statistics.quantiles(taken, n=100)[-1]:>9.1f}")


def compare(title: str, mine: Side, theirs: Side, rounds: int, seconds: float) -> None:
    """Measure both in turns and print answers a second, and their ratio pair by pair."""
    for side in (mine, theirs):
        throughput(side.port, side.asked, seconds / 2)
    pairs = [
        [throughput(side.port, side.asked, seconds) for side in (mine, theirs)]
        for _ in range(rounds)
    ]
    first, second = ([pair[side] for pair in pairs] for side in (0, 1))
    print(f"\n{title}: answers a second, {rounds} × {seconds:g} s")
    print(row("baseline", second, 1, 0))
    print(row("promptstack", first, 1, 0))
    print(ratio("ratio", first, second), flush=True)


@contextmanager
def served(
    count: int, fill: Callable[[dict[str, str], int], None], library: str | None = None
) -> Iterator[int]:
    """A promptstack server with a library of that size; yields its port.

    A `library` is a folder that is kept, and filled only once.
    """
    kept = nullcontext({"PROMPTSTACK_DATA_DIR": library, "PROMPTSTACK_IDLE_SECONDS": "60"})
    with kept if library else temporary_library() as environment:
        if library is None or not Path(library).exists():
            fill(environment, count)
        port = free_port()
        with _running([*SERVE, "serve", "--port", str(port)], environment, port):
            yield port


@contextmanager
def replicas() -> Iterator[tuple[int, int]]:
    """Two servers on one database; yields their ports."""
    with temporary_library() as environment, ExitStack() as running:
        ports = free_port(), free_port()
        for port in ports:
            command = [*SERVE, "serve", "--port", str(port)]
            running.enter_context(_running(command, environment, port))
        yield ports


@contextmanager
def bare() -> Iterator[int]:
    """The bare servers; yields their port."""
    port = free_port()
    with _running([*BARE, str(port), str(LISTED)], {}, port):
        yield port


@contextmanager
def _running(command: Sequence[str], environment: dict[str, str], port: int) -> Iterator[None]:
    # All the load comes from one address here.
    unbounded = {"PROMPTSTACK_MAX_STREAMS_PER_CLIENT": "1024"}
    process = subprocess.Popen(
        command, env=os.environ | unbounded | environment, stdout=subprocess.DEVNULL, cwd=Path.cwd()
    )
    try:
        _wait_for(port, process)
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            ask(port, get(port, "/openapi.json"))
        except (OSError, RuntimeError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the server didn't start")


def _fill(environment: dict[str, str], count: int) -> None:
    began = time.perf_counter()
    asyncio.run(load_corpus(database_url(environment), count))
    print(f"{count:,} prompts loaded in {time.perf_counter() - began:.0f} s", flush=True)


def _fill_small(environment: dict[str, str], count: int) -> None:
    asyncio.run(fill(environment, count))


def _session(port: int, era: str) -> str | None:
    return open_session(port) if era == "2025-11-25" else None


def _mcp_gets(port: int, names: Sequence[str], era: str) -> Iterator[bytes]:
    session = _session(port, era)
    values = {"arguments": {"input": "benchmarks"}}
    return cycle([mcp(port, "prompts/get", session, name=name, **values) for name in names])


def _queries(count: int, seed: int) -> list[str]:
    """Words as people search: common and rare ones, one to three of them, some misspelt."""
    corpus, chance = Corpus(seed=11), random.Random(seed)
    words = [word for prompt in corpus.prompts(400) for word in (prompt.title or "").split()]
    queries = []
    for number in range(count):
        chosen = [chance.choice(words) for _ in range(chance.choice((1, 1, 2, 2, 3)))]
        if number % 10 == 9 and len(chosen[0]) > 4:
            chosen[0] = chosen[0][:2] + chosen[0][3] + chosen[0][2] + chosen[0][4:]
        queries.append(" ".join(chosen))
    return queries


def _search(words: str) -> str:
    return f"/prompts?q={quote(words)}"


async def _all_at_once(port: int, name: str, count: int) -> None:
    bodies = (b'{"template": "writer %d"}' % number for number in range(count))
    writes = [request("PUT", port, f"/prompts/{name}", body, {}) for body in bodies]
    await asyncio.gather(*(asyncio.to_thread(ask, port, write) for write in writes))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--prompts", type=int, default=100_000)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--library", metavar="FOLDER", help="keep the filled library here")
    given = parser.parse_args()
    main(given.prompts, given.quick, given.library)
