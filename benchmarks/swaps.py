"""How often a library is intact after its data folder was swapped under a running `serve`.

python -m benchmarks.swaps [TIMES]
"""

import asyncio
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from benchmarks.harness import SERVE

SECONDS = 120
KEPT = 20
"""Prompts of each library before anything runs."""


class Server:
    """A `serve` on a data folder, and one connection's worth of REST."""

    def __init__(self, data: Path) -> None:
        self._process = subprocess.Popen(
            [*SERVE, "serve", "--port", "0"],
            env=environment(data),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for line in self._process.stdout:
            if found := re.search(r"REST +http://127\.0\.0\.1:(\d+)/", line):
                self._port = int(found[1])
                return
        raise RuntimeError("the server ended before it served")

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, object]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=SECONDS)
        try:
            headers = {"content-type": "application/json"}
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def create(self, name: str) -> None:
        status, said = self.ask("POST", "/prompts", {"name": name, "template": "x"})
        if status != 201:
            raise RuntimeError(f"{status}: {said}")

    def wait_for(self, status: int) -> None:
        """Wait for an answer; everything but 200 and 503 is a fault."""
        deadline = time.monotonic() + SECONDS
        while (answered := self.ask("GET", "/prompts?limit=1"))[0] != status:
            if answered[0] not in (200, 503) or time.monotonic() > deadline:
                raise RuntimeError(f"{answered[0]} instead of {status}: {answered[1]}")
            time.sleep(0.02)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=SECONDS)
        self._process.stdout.close()


def move_and_back(place: Path, server: Server) -> None:
    (place / "data").rename(place / "away")
    server.wait_for(503)
    (place / "away").rename(place / "data")


def delete_and_move(place: Path, server: Server) -> None:
    remove(place / "data")
    (place / "backup").rename(place / "data")


def delete_and_copy(place: Path, server: Server) -> None:
    remove(place / "data")
    copy(place / "backup", place / "data")


def replace(place: Path, server: Server) -> None:
    (place / "data").rename(place / "away")
    (place / "other").rename(place / "data")


WAYS: Sequence[tuple[str, Callable[[Path, Server], None], str, bool]] = (
    ("moved away and back", move_and_back, "ours", True),
    ("deleted, restored by mv", delete_and_move, "ours", False),
    ("deleted, restored by cp -a", delete_and_copy, "ours", False),
    ("replaced by another library", replace, "theirs", False),
)
"""How it's swapped, which library is there then, and whether with what was written meanwhile."""


def is_intact(
    made: Path, swap: Callable[[Path, Server], None], there: str, later: bool, checkpoint: bool
) -> bool:
    """Swap once, then read all that has to be there by a new process."""
    with folder() as place:
        for source, target in (("ours", "data"), ("ours", "backup"), ("theirs", "other")):
            copy(made / source, place / target)
        server = Server(place / "data")
        server.create("later")
        if checkpoint:
            asyncio.run(make_checkpoint(place / "data" / "postgres"))
        swap(place, server)
        wanted = {f"{there}-{number}" for number in range(KEPT)} | ({"later"} if later else set())
        try:
            wait_for_library(server, wanted)
            server.create("afterwards")
            server.stop()
            wait_until_nobody_is_left(place)
            found = {place / "data": wanted | {"afterwards"}}
            if swap is replace:
                found[place / "away"] = {f"ours-{number}" for number in range(KEPT)} | {"later"}
            intact = all(names(data) == expected for data, expected in found.items())
            wait_until_nobody_is_left(place)
        except (RuntimeError, subprocess.CalledProcessError) as error:
            print(f"  {swap.__name__}: {error}", file=sys.stderr)
            server.stop()
            return False
        return intact


def wait_for_library(server: Server, wanted: set[str]) -> None:
    """Wait until a library is served: for a moment more, the old one may be."""
    deadline = time.monotonic() + SECONDS
    while True:
        server.wait_for(200)
        status, said = server.ask("GET", "/prompts?limit=100")
        if status == 200 and {each["name"] for each in said["items"]} == wanted:
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"{status}: {said}")


async def make_checkpoint(root: Path) -> None:
    database = await asyncpg.connect(
        host=str(root / "run"),
        user="promptstack",
        password=(root / "password").read_text(),
        database="promptstack",
    )
    try:
        await database.execute("CHECKPOINT")
    finally:
        await database.close()


def names(data: Path) -> set[str]:
    return {line.split("\t")[0] for line in run(data, "list").splitlines()}


def run(data: Path, *words: str) -> str:
    command = [*SERVE, *words]
    done = subprocess.run(
        command, env=environment(data), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def environment(data: Path) -> dict[str, str]:
    own = {"PROMPTSTACK_DATA_DIR": str(data), "PROMPTSTACK_IDLE_SECONDS": "1"}
    return {name: text for name, text in os.environ.items() if name != "DATABASE_URL"} | own


def wait_until_nobody_is_left(place: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while any(str(place).encode() in arguments for arguments in command_lines()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"processes of {place} are left")
        time.sleep(0.05)


def command_lines() -> Iterator[bytes]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            yield (process / "cmdline").read_bytes()
        except OSError:
            continue


def make(data: Path, name: str) -> None:
    """Make a library; its prompts are written by one server."""
    server = Server(data)
    for number in range(KEPT):
        server.create(f"{name}-{number}")
    server.stop()


def copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", source, target], check=True)


def remove(data: Path) -> None:
    """Remove a folder in which a server still makes files."""
    while data.exists():
        subprocess.run(["rm", "-rf", data], check=False, stderr=subprocess.DEVNULL)


@contextmanager
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="promptstack-bench-"))
    made.chmod(0o711)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def main(times: int) -> None:
    print(f"libraries intact after a swap under a running server, of {times}")
    with folder() as made:
        for name in ("ours", "theirs"):
            make(made / name, name)
        wait_until_nobody_is_left(made)
        for how, swap, there, later in WAYS:
            for checkpoint in (False, True):
                intact = [is_intact(made, swap, there, later, checkpoint) for _ in range(times)]
                told = "with a checkpoint in between" if checkpoint else "without a checkpoint"
                print(f"{how:<30} {told:<30} {sum(intact):>4}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
