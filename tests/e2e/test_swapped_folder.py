"""The data folder is taken away and put back while `serve`, an assistant or a watch works on it."""

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from tests.e2e.process import serving
from tests.support import processes
from tests.support.deployment import Replica, http, run
from tests.support.postgres import memory_or_disk
from tests.support.processes import SECONDS, started

pytestmark = pytest.mark.slow

IDLE_SECONDS = "1"


@pytest.fixture(scope="session")
def made() -> Iterator[Path]:
    """Two libraries, `ours` and `theirs`, in data folders that tests copy."""
    with _folder() as folder:
        for name in ("ours", "theirs"):
            # Of a server that still works, files come and go while they are copied.
            for words in (["create", f"{name}-kept", "--template", "x"], ["db", "stop"]):
                done = run(words, _environment(folder / name))
                assert done.returncode == 0, done.stderr
        yield folder


@pytest.fixture
def place(made: Path) -> Iterator[Path]:
    """A folder with the library `ours` as `data` in it, and copies beside it."""
    with _folder() as folder:
        _copy(made / "ours", folder / "data")
        _copy(made / "ours", folder / "backup")
        _copy(made / "theirs", folder / "other")
        yield folder


def _move_and_back(place: Path) -> None:
    (place / "data").rename(place / "away")
    (place / "away").rename(place / "data")


def _delete_and_move(place: Path) -> None:
    _remove(place / "data")
    (place / "backup").rename(place / "data")


def _delete_and_copy(place: Path) -> None:
    _remove(place / "data")
    _copy(place / "backup", place / "data")


def _replace(place: Path) -> None:
    (place / "data").rename(place / "away")
    (place / "other").rename(place / "data")


SWAPS = [
    pytest.param(_move_and_back, {"ours-kept", "later"}, id="moved and back"),
    pytest.param(_delete_and_move, {"ours-kept"}, id="deleted and moved back"),
    pytest.param(_delete_and_copy, {"ours-kept"}, id="deleted and copied back"),
    pytest.param(_replace, {"theirs-kept"}, id="replaced"),
]


@pytest.mark.parametrize("has_checkpoint", [False, True], ids=["", "with a checkpoint"])
@pytest.mark.parametrize(("swap", "there"), SWAPS)
async def test_what_is_put_in_the_place_of_the_data_folder_is_left_whole_and_opened(
    swap: Callable[[Path], None], there: set[str], has_checkpoint: bool, place: Path
) -> None:
    async with _served(place) as replica:
        await replica.create("later")
        if has_checkpoint:
            _checkpoint(place)
        if swap is _move_and_back:
            (place / "data").rename(place / "away")
            await _until_answered(replica, 503)
            assert not (place / "data").exists()
            (place / "away").rename(place / "data")
        else:
            before = await _swap_unnoticed(replica, place, swap)
            assert before == _content(place / "data")
            replica.process.send_signal(signal.SIGCONT)
        assert await _names_when_answered(replica) == there
        await replica.create("afterwards")
        await replica.stop()
    await _until(lambda: not _processes(place), "no process is left")
    assert _listed(place / "data") == {*there, "afterwards"}
    if swap is _replace:
        assert _listed(place / "away") == {"ours-kept", "later"}
    await _until(lambda: not _processes(place), "no process is left")


async def test_clients_are_told_to_try_again_and_nothing_of_this_machine(place: Path) -> None:
    async with _served(place) as replica, http(replica.url) as client:
        (place / "data").rename(place / "away")
        answer = await _until_answered(replica, 503, "is put back")
        called = await client.post("/mcp", json=_CALL, headers=_HEADERS)
        ready = await client.get("/readyz")
        (place / "away").rename(place / "data")
        assert await _names_when_answered(replica) == {"ours-kept"}
        logged = await replica.stop()

    assert answer.headers["retry-after"] == "1"
    assert answer.json()["type"] == "urn:promptstack:problem:unavailable"
    assert "promptstack db status" in answer.json()["detail"]
    assert called.json()["result"]["isError"] is True
    assert ready.status_code == 503
    for body in (answer.text, called.text, ready.text):
        assert str(place) not in body
    assert f"The data folder '{place}/data/postgres' isn't there any more" in logged


async def test_an_assistant_is_told_until_the_folder_is_back(place: Path, tmp_path: Path) -> None:
    with serving(_environment(place / "data"), tmp_path) as server:
        server.shake_hands()
        assert not server.call("create_prompt", name="later", template="x").get("isError")
        (place / "data").rename(place / "away")
        refused = {}

        def is_told() -> bool:  # a server that ends may be told of first, as one that went away
            refused.update(server.call("search_prompts"))
            return "is put back" in json.dumps(refused)

        await _until(is_told, "it's told")
        assert not (place / "data").exists()
        (place / "away").rename(place / "data")
        await _until(lambda: not server.call("search_prompts").get("isError"), "it's back")
        names = {each["name"] for each in server.ask("prompts/list")["prompts"]}
        code, logged = server.finish()

    assert refused["isError"] is True
    assert str(place) not in json.dumps(refused)
    assert (names, code) == ({"ours-kept", "later"}, 0)
    assert "isn't there any more" in logged
    await _until(lambda: not _processes(place), "no process is left")


async def test_watching_goes_on_when_the_folder_is_back(place: Path, tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    command = [sys.executable, "-m", "mcp_server", "sync", str(files), "--watch"]
    with (
        open(tmp_path / "told", "w+b") as told,
        started(command, env=_environment(place / "data"), stdout=told, stderr=told),
    ):
        await _until(lambda: list(files.glob("ours-kept*")), "the first sync is done")
        (place / "data").rename(place / "away")
        await _until(lambda: b"Watching goes on" in (tmp_path / "told").read_bytes(), "it's told")
        assert not (place / "data").exists()
        (place / "away").rename(place / "data")
        made = run(["create", "later", "--template", "x"], _environment(place / "data"))
        assert made.returncode == 0, made.stderr
        await _until(lambda: list(files.glob("later*")), "it goes on")
    await _until(lambda: not _processes(place), "no process is left")


_CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {
        "name": "search_prompts",
        "arguments": {},
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    },
}
_HEADERS = {
    "accept": "application/json, text/event-stream",
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/call",
    "mcp-name": "search_prompts",
}


@asynccontextmanager
async def _served(place: Path) -> AsyncIterator[Replica]:
    async with Replica(_environment(place / "data"), "serve", "--port", "0") as replica:
        yield replica


async def _swap_unnoticed(
    replica: Replica, place: Path, swap: Callable[[Path], None]
) -> dict[str, object]:
    """Swap while the process that serves sleeps, so that nobody but the old server acts.

    Returns what was put there, when the old server has gone; the process sleeps on.
    """
    old = _processes(place) - {replica.process.pid}
    replica.process.send_signal(signal.SIGSTOP)
    swap(place)
    before = _content(place / "data")
    await _until(lambda: not old & _processes(place), "the old server and supervisor are gone")
    return before


async def _until_answered(replica: Replica, status: int, sentence: str = ""):
    async with asyncio.timeout(SECONDS), http(replica.url) as client:
        while True:
            answer = await client.get("/prompts")
            assert answer.status_code in (200, 503), answer.text
            if answer.status_code == status and sentence in answer.text:
                return answer
            await asyncio.sleep(0.02)


async def _names_when_answered(replica: Replica) -> set[str]:
    answer = await _until_answered(replica, 200)
    return {each["name"] for each in answer.json()["items"]}


async def _until(condition: Callable[[], object], what: str) -> None:
    try:
        async with asyncio.timeout(SECONDS):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"It didn't happen in time that {what}.") from None


def _checkpoint(place: Path) -> None:
    words = ["db", "shell", "--", "-qc", "CHECKPOINT"]
    done = run(words, _environment(place / "data"))
    assert done.returncode == 0, done.stderr


def _listed(data: Path) -> set[str]:
    """Return the prompts that a new process finds."""
    listed = run(["list"], _environment(data))
    assert listed.returncode == 0, listed.stderr
    return {line.split("\t")[0] for line in listed.stdout.splitlines()}


def _environment(data: Path) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    return inherited | {
        "PROMPTSTACK_DATA_DIR": str(data),
        "PROMPTSTACK_IDLE_SECONDS": IDLE_SECONDS,
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }


def _processes(place: Path) -> set[int]:
    """Return the servers and supervisors that were started anywhere in a folder."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if str(place).encode() in arguments and b"mcp_server" not in arguments:
            found.add(int(folder.name))
    return found


def _content(folder: Path) -> dict[str, object]:
    """Return what every file holds, and when it was written."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


def _copy(source: Path, target: Path) -> None:
    processes.run(["cp", "-a", source, target], check=True)


def _remove(folder: Path) -> None:
    """Remove a folder in which a server still makes files."""
    while folder.exists():
        processes.run(["rm", "-rf", folder])


@contextmanager
def _folder() -> Iterator[Path]:
    parent = memory_or_disk(2 * 2**30, runs_programs=True)
    folder = Path(tempfile.mkdtemp(prefix="ps-swapped-", dir=parent))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
