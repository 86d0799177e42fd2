"""What the benchmarks share: a client that counts microseconds, a filled library, a table."""

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

HERE = Path(__file__).parent
SERVE = [sys.executable, "-c", "from promptstack import main; main()"]
BARE = [sys.executable, "-P", str(HERE / "bare_server.py")]
MODERN = "2026-07-28"


class Client:
    """Speaks JSON-RPC over a subprocess's pipes, with nothing in between that costs time."""

    def __init__(self, command: Sequence[str], environment: dict[str, str] | None = None) -> None:
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
        )
        self._number = 0
        self.modern = False

    def ask(self, method: str, **params: object) -> dict[str, object]:
        self._number += 1
        if self.modern:
            params["_meta"] = {
                "io.modelcontextprotocol/protocolVersion": MODERN,
                "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {},
            }
        self._send({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
        while True:
            line = self._process.stdout.readline()
            if not line:
                raise RuntimeError(f"the server ended before it answered {method}")
            answer = json.loads(line)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(answer["error"])
                return answer["result"]

    def shake_hands(self, era: str) -> None:
        if era == "modern":
            self.modern = True
            self.ask("server/discover")
            return
        client = {"name": "bench", "version": "1"}
        self.ask("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=client)
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()

    def _send(self, message: dict[str, object]) -> None:
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()


@contextmanager
def library(count: int) -> Iterator[dict[str, str]]:
    """A library of `count` prompts in a temporary folder; yields the environment to serve it."""
    with temporary_library() as environment:
        asyncio.run(fill(environment, count))
        yield environment


@contextmanager
def temporary_library() -> Iterator[dict[str, str]]:
    """An empty library in a temporary folder; yields the environment to serve it."""
    folder = tempfile.mkdtemp(prefix="promptstack-bench-")
    environment = {"PROMPTSTACK_DATA_DIR": folder, "PROMPTSTACK_IDLE_SECONDS": "600"}
    os.environ.pop("DATABASE_URL", None)
    try:
        yield environment
    finally:
        stop_database(environment)
        shutil.rmtree(folder, ignore_errors=True)


async def fill(environment: dict[str, str], count: int) -> None:
    """Create prompts that are alike, through the library."""
    from mcp_server.app import open_library
    from mcp_server.config import read_settings
    from mcp_server.service.inputs import PromptInput

    async with open_library(read_settings(environment)) as filled:
        for start in range(0, count, 50):
            await asyncio.gather(
                *(
                    filled.prompts.create(
                        f"prompt-{number:05}",
                        PromptInput(
                            title=f"Prompt {number}",
                            description="A prompt of the benchmark.",
                            template="Write about {{topic}}. " * 60,
                        ),
                    )
                    for number in range(start, min(start + 50, count))
                )
            )


def database_url(environment: dict[str, str]) -> str:
    """Start the embedded PostgreSQL of a benchmark; return how to reach it, as SQLAlchemy does."""
    from mcp_server.app import embedded_root
    from mcp_server.config import read_settings
    from storage.embedded.lifecycle import ensure

    info = ensure(embedded_root(read_settings(environment)))
    query = urlencode({"host": info.host, "port": info.port})
    login = f"{quote(info.user)}:{quote(info.password, safe='')}"
    return f"postgresql+asyncpg://{login}@/{quote(info.database)}?{query}"


def stop_database(environment: dict[str, str]) -> None:
    """Stop the embedded PostgreSQL of a benchmark."""
    stopping = [*SERVE, "db", "stop"]
    subprocess.run(stopping, env=os.environ | environment, stdout=subprocess.DEVNULL, check=False)


def row(name: str, values: Sequence[float], unit: float = 1.0, digits: int = 3) -> str:
    """A line with the median and the spread of what was measured."""
    scaled = sorted(value * unit for value in values)
    median = statistics.median(scaled)
    return f"{name:<44} {median:>9.{digits}f}  ({scaled[0]:.{digits}f} … {scaled[-1]:.{digits}f})"


def ratio(name: str, ours: Sequence[float], bare: Sequence[float]) -> str:
    """A line with the ratio pair by pair, which holds when the machine's speed drifts."""
    pairs = sorted(mine / other for mine, other in zip(ours, bare, strict=True))
    return f"{name:<44} {statistics.median(pairs):>9.2f}  ({pairs[0]:.2f} … {pairs[-1]:.2f})"
