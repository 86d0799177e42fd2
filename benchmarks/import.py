"""How fast many prompts go in, against COPY of the same rows, while readers are served.

python -m benchmarks.import [--prompts 100000] [--turns 3]

The file is JSON Lines with realistic prompts (see `corpus.py`): it is read, checked and written by
the library in one transaction. COPY writes the same rows into the same tables of another, equally
empty database, with the same triggers and indexes; taking the file apart isn't in its time.
"""

import argparse
import asyncio
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from benchmarks.corpus import Corpus, Entry
from benchmarks.harness import ratio, row, temporary_library
from mcp_server.app import make_connector, open_library
from mcp_server.config import read_settings
from mcp_server.domain.formats.registry import read_file
from storage.connectors import Connector
from storage.schema import migrate

_PIECE = 1 << 16
_BATCH = 2_000


def write_file(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8") as out:
        for entry in Corpus().prompts(count):
            out.write(json.dumps(_record(entry), ensure_ascii=False) + "\n")


def _record(entry: Entry) -> dict[str, object]:
    record = {
        "name": entry.name, "title": entry.title, "description": entry.description,
        "folder": entry.folder, "tags": list(entry.tags), "template": entry.texts[-1],
        "model_type": entry.model_type,
    }  # fmt: skip
    return {key: value for key, value in record.items() if value}


def _pieces(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        while piece := file.read(_PIECE):
            yield piece


async def by_library(environment: dict[str, str], path: Path) -> tuple[float, list[float]]:
    """Import the file; returns the seconds, and those of reads that went on beside it."""
    async with open_library(read_settings(environment)) as library:
        one = read_file("a.jsonl", '{"name": "steady", "template": "Be {{what}}."}')
        await library.importing.bring_in(one)
        async with open_library(read_settings(environment)) as other:
            reads: list[float] = []
            reading = asyncio.create_task(_read(other, reads))
            begun = time.perf_counter()
            taken = await library.importing.bring_in(read_file(str(path), _pieces(path)))
            seconds = time.perf_counter() - begun
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading
    assert taken.written, taken
    return seconds, reads


async def _read(library, reads: list[float]) -> None:
    while True:
        begun = time.perf_counter()
        await library.prompts.render("steady", {"what": "quick"})
        reads.append(time.perf_counter() - begun)
        await asyncio.sleep(0.02)


async def by_copy(environment: dict[str, str], count: int) -> float:
    """COPY the same rows; returns the seconds that COPY and its commit took."""
    connector = make_connector(read_settings(environment))
    await migrate(connector)
    connection = await connector.connect()
    try:
        return await _copy_all(connection, count)
    finally:
        await connection.close()
        await _close(connector)


async def _close(connector: Connector) -> None:
    close = getattr(connector, "close", None)
    if close is not None:
        await close()


async def _copy_all(connection, count: int) -> float:
    spent = 0.0
    batch: list[Entry] = []
    transaction = connection.transaction()
    await transaction.start()
    for entry in Corpus().prompts(count):
        batch.append(entry)
        if len(batch) == _BATCH:
            spent += await _copy(connection, batch)
            batch = []
    spent += await _copy(connection, batch)
    begun = time.perf_counter()
    await transaction.commit()
    return spent + time.perf_counter() - begun


async def _copy(connection, batch: list[Entry]) -> float:
    versions = [list(entry.versions())[-1] for entry in batch]
    tables = {
        "prompts": (
            "id name title description folder tags last_version created_at updated_at",
            [(*entry.prompt()[:6], 1, *entry.prompt()[7:]) for entry in batch],
        ),
        "prompt_versions": (
            "prompt_id version branch parent messages arguments template_format model_type tags "
            "created_by content_hash",
            [(version[0], 1, "main", None, *version[4:]) for version in versions],
        ),
        "prompt_branches": (
            "prompt_id branch head created_by",
            [(entry.id, "main", 1, "corpus") for entry in batch],
        ),
    }
    begun = time.perf_counter()
    for table, (columns, records) in tables.items():
        await connection.copy_records_to_table(table, records=records, columns=columns.split())
    return time.perf_counter() - begun


def main() -> None:
    given = argparse.ArgumentParser()
    given.add_argument("--prompts", type=int, default=100_000)
    given.add_argument("--turns", type=int, default=3)
    chosen = given.parse_args()
    ours, bare, reads = [], [], []
    with tempfile.TemporaryDirectory(prefix="promptstack-bench-") as folder:
        path = Path(folder) / "prompts.jsonl"
        write_file(path, chosen.prompts)
        print(f"{chosen.prompts:,} prompts, {path.stat().st_size / 1e6:.0f} MB of JSON Lines")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(chosen.turns):
            with temporary_library() as environment:
                seconds, beside = asyncio.run(by_library(environment, path))
            with temporary_library() as environment:
                bare.append(asyncio.run(by_copy(environment, chosen.prompts)) / chosen.prompts)
            ours.append(seconds / chosen.prompts)
            reads += sorted(beside)[len(beside) // 2 :: max(1, len(beside) // 20)]
            print(f"  {chosen.prompts / seconds:,.0f} a second, COPY {1 / bare[-1]:,.0f}")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(row("import, µs a prompt", ours, 1e6, 0))
    print(row("COPY of the same rows, µs a prompt", bare, 1e6, 0))
    print(ratio("ratio", ours, bare))
    print(row("a read beside the import, ms (upper half)", reads, 1e3, 1))
    print(f"{'memory that importing took, MB':<44} {grown:>9.0f}")


if __name__ == "__main__":
    main()
