"""Many open listen streams: what each costs in memory, and how long a change takes to reach all."""

import asyncio
import json
import statistics
import subprocess
import time

from benchmarks.harness import row
from benchmarks.load import ask, mcp, request


def measure_streams(port: int, count: int) -> None:
    """Open the streams, change the library, and see when each of them hears of it."""
    asyncio.run(_measure(port, count))


async def _measure(port: int, count: int) -> None:
    process = _owner(port)
    before = _memory(process)
    listen = mcp(port, "subscriptions/listen", notifications={"promptsListChanged": True})
    streams = []
    for _ in range(count):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(listen)
        await reader.readuntil(b"notifications/subscriptions/acknowledged")
        streams.append((reader, writer))
    after = _memory(process)
    began = time.perf_counter()
    hearing = [asyncio.create_task(_hear(reader, began)) for reader, _ in streams]
    body = json.dumps({"name": f"told-{time.time_ns()}", "template": "x"}).encode()
    await asyncio.to_thread(ask, port, request("POST", port, "/prompts", body, {}))
    heard = await asyncio.gather(*hearing)
    for _, writer in streams:
        writer.close()
    print(f"\n{count:,} open listen streams")
    print(f"{'memory of each, KB':<44} {(after - before) / count:>9.1f}")
    print(row("a change reaches a stream after, ms", heard, 1000, 0))
    print(f"{'the last of them after, ms':<44} {1000 * max(heard):>9.0f}", flush=True)
    assert statistics.median(heard) > 0


async def _hear(reader: asyncio.StreamReader, began: float) -> float:
    await reader.readuntil(b"notifications/prompts/list_changed")
    return time.perf_counter() - began


def _owner(port: int) -> int:
    """The id of the process that listens on a port."""
    found = subprocess.run(
        ["ss", "-ltnpH", f"sport = :{port}"], capture_output=True, text=True, check=True
    ).stdout
    return int(found.partition("pid=")[2].partition(",")[0])


def _memory(process: int) -> int:
    """The memory that a process holds, in KB."""
    with open(f"/proc/{process}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
