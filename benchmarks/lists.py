"""What listing a library costs whoever else is waiting: time, memory, and the event loop.

python -m benchmarks.lists [COUNT …]

For each size (1,000, 5,000 and 100,000 prompts) a process of its own serves a library from its
ASGI application, without a network, and another one a bare SDK server that lists as many constants
as ours has on its page. Beside the requests a task ticks: the longest time between two ticks is how
long nobody else was answered. Of that, the processor's time of this thread is printed too, since
other programs on the machine lengthen the rest.
"""

import asyncio
import gc
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from json import dumps, loads
from typing import TypeVar

from benchmarks.corpus import load_corpus
from benchmarks.harness import database_url, temporary_library
from benchmarks.load import MODERN

SIZES = (1_000, 5_000, 100_000)
T = TypeVar("T")
App = Callable[..., Awaitable[None]]
_TICK = 0.001
_ROUNDS = 5
_HEADERS = {"accept": "application/json, text/event-stream", "mcp-protocol-version": MODERN}
_META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Ticker:
    """Ticks, and notes the longest time between two ticks, and this thread's part of it."""

    def __init__(self) -> None:
        self.longest = self.busy = 0.0

    async def run(self) -> None:
        at, busy = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(_TICK)
            now, used = time.perf_counter(), time.thread_time()
            self.longest = max(self.longest, now - at - _TICK)
            self.busy = max(self.busy, used - busy)
            at, busy = now, used


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list answered."""

    names: list[str]
    cursor: str | None

    @classmethod
    def read(cls, answer: bytes) -> "Listed":
        result = loads(answer)["result"]
        entries = result.get("prompts") or result.get("resources") or []
        return cls([each["name"] for each in entries], result.get("nextCursor"))

    def __str__(self) -> str:
        return f"{len(self.names):,} entries{', and more' if self.cursor else ''}"


@dataclass(slots=True)
class Figures:
    """What the same question took, asked again and again."""

    title: str
    took: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    memory: float = field(default_factory=lambda: _peak())

    async def ask(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask once, with a task that ticks beside it."""
        ticker = Ticker()
        ticking = asyncio.create_task(ticker.run())
        await asyncio.sleep(0)
        began = time.perf_counter()
        answer = await ask()
        self.took.append(time.perf_counter() - began)
        await asyncio.sleep(2 * _TICK)
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking
        self.held.append(ticker.longest)
        self.busy.append(ticker.busy)
        return answer

    def print(self, answered: object) -> None:
        """Print the middle of the times, and the longest that nobody else was answered."""
        took = 1000 * statistics.median(self.took)
        held, busy = (f"{1000 * statistics.median(each):>6.1f}, worst {1000 * max(each):>6.1f}"
                      for each in (self.held, self.busy))  # fmt: skip
        print(
            f"  {self.title:<28} {took:>8.1f} ms   hold {held} (processor {busy})"
            f"   memory +{_peak() - self.memory:>5.1f} MB   {answered}",
            flush=True,
        )


def main(sizes: list[int]) -> None:
    for size in sizes:
        with temporary_library() as environment:
            began = time.perf_counter()
            asyncio.run(load_corpus(database_url(environment), size))
            print(f"\n{size:,} prompts (loaded in {time.perf_counter() - began:.0f} s)", flush=True)
            for side in ("bare", "ours"):
                command = [sys.executable, "-m", "benchmarks.lists", f"--{side}", str(size)]
                subprocess.run(command, env=os.environ | environment, check=True)


async def measure_ours() -> None:
    from mcp_server.cli.application import make_application
    from mcp_server.config import read_settings
    from mcp_server.service.views import View

    app = make_application(read_settings(os.environ), View()).asgi
    print("promptstack", flush=True)
    async with _lifespan(app):
        _settle()
        listed = await _repeat("prompts/list, first", app, "prompts/list", 1)
        await _repeat("prompts/list, again", app, "prompts/list", _ROUNDS)
        changes = [
            partial(_rename_title, app, name, f"New {number}")
            for number, name in enumerate(listed.names[:_ROUNDS])
        ]
        await _repeat("prompts/list, one changed", app, "prompts/list", _ROUNDS, changes)
        await _repeat("resources/list, first", app, "resources/list", 1)
        await _walk(app)
        await _export(app)


async def _repeat(
    title: str,
    app: App,
    method: str,
    rounds: int,
    before: Sequence[Callable[[], Awaitable[None]]] = (),
) -> Listed:
    figures = Figures(title)
    for number in range(rounds):
        if before:
            await before[number]()
        answer = await figures.ask(partial(_list, app, method))
    listed = Listed.read(answer)
    figures.print(listed)
    return listed


async def _walk(app: App) -> None:
    figures, pages, count, cursor = Figures("prompts/list, every page"), 0, 0, None
    while pages == 0 or cursor is not None:
        listed = Listed.read(await figures.ask(partial(_list, app, "prompts/list", cursor)))
        pages, count, cursor = pages + 1, count + len(listed.names), listed.cursor
    figures.print(f"{count:,} entries in {pages} pages, in all {sum(figures.took):.1f} s")


async def _export(app: App) -> None:
    figures, sizes = Figures("GET /export as YAML"), list[int]()
    path = "/export?format=yaml"
    await figures.ask(lambda: _ask(app, "GET", path, lambda piece: sizes.append(len(piece))))
    figures.print(f"{sum(sizes):,} bytes")


async def _rename_title(app: App, name: str, title: str) -> None:
    await _ask(app, "PATCH", f"/prompts/{name}", lambda _: None, json={"title": title})


async def measure_bare(size: int) -> None:
    import mcp_types as types
    from mcp.server.lowlevel import Server
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

    from mcp_server.service.listing import MOST_WHOLE, PAGE

    count = size if size <= MOST_WHOLE else PAGE
    argument = types.PromptArgument(name="input", required=True)

    async def list_prompts(ctx: object, params: object) -> types.ListPromptsResult:
        return types.ListPromptsResult(
            prompts=[
                types.Prompt(
                    name=f"prompt-{number:05}",
                    title=f"Prompt {number}",
                    description="A prompt of the benchmark. " * 3,
                    arguments=[argument],
                )
                for number in range(count)
            ]
        )

    sessions = StreamableHTTPSessionManager(
        Server("bare", on_list_prompts=list_prompts), json_response=True
    )
    print("bare SDK server", flush=True)
    app = sessions.handle_request
    async with sessions.run():
        _settle()
        await _repeat("prompts/list", app, "prompts/list", _ROUNDS)


def _settle() -> None:
    """Keep what is loaded out of the collector's way, as `promptstack serve` does."""
    gc.collect()
    gc.freeze()


async def _list(app: App, method: str, cursor: str | None = None) -> bytes:
    params = {"_meta": _META} | ({"cursor": cursor} if cursor else {})
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer: list[bytes] = []
    headers = _HEADERS | {"mcp-method": method}
    await _ask(app, "POST", "/mcp", answer.append, json=message, headers=headers)
    return b"".join(answer)


async def _ask(
    app: App,
    method: str,
    path: str,
    take: Callable[[bytes], None],
    *,
    json: object = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Ask an application; `take` gets its answer piece by piece."""
    body = dumps(json).encode() if json is not None else b""
    told = {"host": "127.0.0.1", "content-type": "application/json"} | dict(headers or {})
    path, _, query = path.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": query.encode(),
        "root_path": "", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000),
        "headers": [(name.encode(), value.encode()) for name, value in told.items()],
    }  # fmt: skip
    said = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, object]:
        return said.pop() if said else await asyncio.Event().wait()

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200, message
        else:
            take(message["body"])

    await app(scope, receive, send)


@asynccontextmanager
async def _lifespan(app: object) -> AsyncIterator[None]:
    asked: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    answered: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    running = asyncio.create_task(
        app({"type": "lifespan", "asgi": {"version": "3.0"}}, asked.get, answered.put)
    )
    for step in ("startup", "shutdown"):
        await asked.put({"type": f"lifespan.{step}"})
        told = await answered.get()
        assert told["type"] == f"lifespan.{step}.complete", told
        if step == "startup":
            yield
    await running


def _peak() -> float:
    """Return the most memory that this process has had, in megabytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--bare", size]:
            asyncio.run(measure_bare(int(size)))
        case ["--ours", _]:
            asyncio.run(measure_ours())
        case sizes:
            main([int(size.replace(",", "")) for size in sizes] or list(SIZES))
