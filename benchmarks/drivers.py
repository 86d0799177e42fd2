"""What PostgreSQL costs through asyncpg, which this project uses, and through psycopg 3.

python -m benchmarks.drivers [--turns 9]

psycopg is no dependency of the project: `pip install "psycopg[binary]"` into the environment that
runs this. Both drivers talk to one server with passwords (SCRAM) and 2,000 prompts, in turns, in
one process: opening a connection over a socket and over TCP, looking up served prompts by name (the
query that `Prompts.find_served` sends, prepared by either driver), streaming 100,000 rows a
thousand at a time, and a notification from one session to another. Values arrive as the repository
takes them: JSON as text. Importing is measured in processes of their own.
"""

import argparse
import asyncio
import contextlib
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files, version
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect
from sqlalchemy.dialects.postgresql import psycopg as psycopg_dialect

from benchmarks.corpus import load_corpus
from benchmarks.harness import ratio, row
from storage.prompts import _SERVED_BY_NAME
from tests.support.clusters import Place
from tests.support.postgres import _locale_flags
from tests.support.processes import DEVNULL, started

PROMPTS = 2_000
CONNECTIONS = 20
LOOKUPS = 1_000
ROWS = 100_000
BATCH = 1_000
NOTIFICATIONS = 200
IMPORTS = 5
CHANNEL = "bench"
USER = "bench"
HOST = "127.0.0.1"
STREAMED = (
    "SELECT gen_random_uuid() AS id, 'prompt-' || n AS name, repeat('x', 200) AS text, now() AS at "
    f"FROM generate_series(1, {ROWS}) n"
)
IMPORTING = (
    "import asyncio, time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
)


@dataclass(frozen=True, slots=True)
class Login:
    """Where and as whom to connect; `host` is an address, or the folder of a socket."""

    host: str
    port: int
    password: str

    @property
    def arguments(self) -> dict[str, Any]:
        return {"host": self.host, "port": self.port, "user": USER, "password": self.password}


class Asyncpg:
    """The driver of the project."""

    name = "asyncpg"
    packages = ("asyncpg",)

    def __init__(self) -> None:
        compiled = _SERVED_BY_NAME.compile(dialect=asyncpg_dialect.dialect())
        self._query, self._names = str(compiled), compiled.positiontup or ()
        self._constants = compiled.params

    @asynccontextmanager
    async def connected(self, login: Login) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(**login.arguments, database="postgres")
        try:
            yield connection
        finally:
            await connection.close()

    async def look_up(self, connection: asyncpg.Connection, name: str) -> int:
        values = self._constants | {"name": name}
        return len(await connection.fetch(self._query, *(values[each] for each in self._names)))

    async def stream(self, connection: asyncpg.Connection) -> int:
        async with connection.transaction():
            cursor = await connection.cursor(STREAMED)
            count = 0
            while rows := await cursor.fetch(BATCH):
                count += len(rows)
            return count

    @asynccontextmanager
    async def hearing(
        self, connection: asyncpg.Connection, hear: Callable[[], None]
    ) -> AsyncIterator[None]:
        await connection.add_listener(CHANNEL, lambda *_: hear())
        yield
        await connection.reset()

    async def notify(self, connection: asyncpg.Connection) -> None:
        await connection.execute(f"NOTIFY {CHANNEL}")


class Psycopg:
    """The same through libpq."""

    name = "psycopg"
    packages = ("psycopg", "psycopg-binary")

    def __init__(self) -> None:
        compiled = _SERVED_BY_NAME.compile(dialect=psycopg_dialect.dialect())
        self._query, self._constants = str(compiled), compiled.params

    @asynccontextmanager
    async def connected(self, login: Login) -> AsyncIterator[Any]:
        import psycopg
        from psycopg.types.string import TextLoader

        connection = await psycopg.AsyncConnection.connect(
            **login.arguments, dbname="postgres", autocommit=True
        )
        for kind in ("json", "jsonb"):
            connection.adapters.register_loader(kind, TextLoader)
        try:
            yield connection
        finally:
            await connection.close()

    async def look_up(self, connection: Any, name: str) -> int:
        found = await connection.execute(self._query, self._constants | {"name": name})
        return len(await found.fetchall())

    async def stream(self, connection: Any) -> int:
        async with connection.transaction(), connection.cursor("streamed") as cursor:
            await cursor.execute(STREAMED)
            count = 0
            while rows := await cursor.fetchmany(BATCH):
                count += len(rows)
            return count

    @asynccontextmanager
    async def hearing(self, connection: Any, hear: Callable[[], None]) -> AsyncIterator[None]:
        await connection.execute(f"LISTEN {CHANNEL}")
        task = asyncio.create_task(self._hear(connection, hear))
        yield
        # Closed while it waits, it would leave its descriptor's number behind in the event loop.
        task.cancel()
        await asyncio.wait([task])

    async def _hear(self, connection: Any, hear: Callable[[], None]) -> None:
        async for _ in connection.notifies():
            hear()

    async def notify(self, connection: Any) -> None:
        await connection.execute(f"NOTIFY {CHANNEL}")


Driver = Asyncpg | Psycopg


@contextmanager
def server() -> Iterator[tuple[Login, Login]]:
    """Run a server that asks for passwords; yields the ways over its socket and over TCP."""
    place, password = Place(), secrets.token_hex(16)
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    try:
        data, sockets = make_cluster(place, password), place.own_folder("run")
        command = [str(place.binaries.program("postgres")), "-D", str(data)]
        command += ["-c", f"port={port}", "-c", f"listen_addresses={HOST}", "-c", "fsync=off"]
        command += ["-c", f"unix_socket_directories={sockets}"]
        with started(command, stdout=DEVNULL, stderr=DEVNULL, **place.child()):
            yield Login(str(sockets), port, password), Login(HOST, port, password)
    finally:
        shutil.rmtree(place.folder, ignore_errors=True)


def make_cluster(place: Place, password: str) -> Path:
    data, secret = place.own_folder("cluster"), place.folder / "secret"
    secret.write_text(password)
    place.account.own(secret)
    making = ["--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync", "--no-instructions"]
    locale = _locale_flags(place.binaries.major)
    place.run("initdb", "-D", data, "-U", USER, "--encoding=UTF8", *making, *locale)
    return data


async def fill(login: Login) -> list[str]:
    """Make the prompts; returns their names."""
    url = (
        f"postgresql://{USER}:{login.password}@/postgres?host={quote(login.host)}&port={login.port}"
    )
    while True:
        with contextlib.suppress(OSError, asyncpg.CannotConnectNowError):
            await (await asyncpg.connect(url)).close()
            break
        await asyncio.sleep(0.05)
    await load_corpus(url, PROMPTS)
    async with Asyncpg().connected(login) as connection:
        return [found["name"] for found in await connection.fetch("SELECT name FROM prompts")]


async def connecting(driver: Driver, login: Login) -> float:
    """Return the seconds that opening and closing a connection takes."""
    began = time.perf_counter()
    for _ in range(CONNECTIONS):
        async with driver.connected(login):
            pass
    return (time.perf_counter() - began) / CONNECTIONS


async def looking_up(driver: Driver, login: Login, names: list[str]) -> float:
    """Return the seconds that one lookup takes, once its statement is prepared."""
    async with driver.connected(login) as connection:
        for name in names[:10]:
            assert await driver.look_up(connection, name) == 1
        began = time.perf_counter()
        for number in range(LOOKUPS):
            await driver.look_up(connection, names[number % len(names)])
        return (time.perf_counter() - began) / LOOKUPS


async def streaming(driver: Driver, login: Login) -> float:
    """Return the seconds that all rows take."""
    async with driver.connected(login) as connection:
        began = time.perf_counter()
        assert await driver.stream(connection) == ROWS
        return time.perf_counter() - began


async def notifying(driver: Driver, login: Login) -> float:
    """Return the median of the seconds from sending a notification to hearing it."""
    heard, seconds = asyncio.Event(), []
    async with (
        driver.connected(login) as telling,
        driver.connected(login) as listening,
        driver.hearing(listening, heard.set),
    ):
        for _ in range(NOTIFICATIONS):
            began = time.perf_counter()
            await driver.notify(telling)
            await asyncio.wait_for(heard.wait(), 10)
            seconds.append(time.perf_counter() - began)
            heard.clear()
    return statistics.median(seconds)


def importing(driver: Driver) -> float:
    """Return the seconds that importing takes a process that has asyncio already."""
    command = [sys.executable, "-c", IMPORTING.format(driver.packages[0])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def size_of(driver: Driver) -> float:
    """Return the megabytes of the driver's packages, what is compiled by Python left out."""
    listed = [each for package in driver.packages for each in files(package) or ()]
    paths = [Path(str(each.locate())) for each in listed if each.suffix != ".pyc"]
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


async def measure(turns: int) -> None:
    drivers = (Asyncpg(), Psycopg())
    with server() as (local, network):
        names = await fill(local)
        measures = {
            "connect, socket, ms": lambda driver: connecting(driver, local),
            "connect, TCP, ms": lambda driver: connecting(driver, network),
            "lookup by name, socket, ms": lambda driver: looking_up(driver, local, names),
            "lookup by name, TCP, ms": lambda driver: looking_up(driver, network, names),
            "100,000 rows, socket, ms": lambda driver: streaming(driver, local),
            "notification, socket, ms": lambda driver: notifying(driver, local),
        }
        for what, take in measures.items():
            seconds: dict[str, list[float]] = {driver.name: [] for driver in drivers}
            for turn in range(turns + 1):
                # Who comes first has the colder server, so they change places; one turn warms up.
                for driver in drivers if turn % 2 else drivers[::-1]:
                    taken = await take(driver)
                    if turn:
                        seconds[driver.name].append(taken)
            tell(what, seconds)
    seconds = {driver.name: [] for driver in drivers}
    for _ in range(turns * IMPORTS):
        for driver in drivers:
            seconds[driver.name].append(importing(driver))
    tell("import, ms", seconds)
    for driver in drivers:
        print(f"{f'size on disk, MB, {driver.name}':<44} {size_of(driver):>9.1f}")


def tell(what: str, seconds: dict[str, list[float]]) -> None:
    for name, values in seconds.items():
        print(row(f"{what}, {name}", values, 1000))
    theirs, ours = seconds["psycopg"], seconds["asyncpg"]
    print(ratio(f"{what}, psycopg to asyncpg", theirs, ours), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=9)
    turns = parser.parse_args().turns
    try:
        found = [version(package) for package in ("asyncpg", "psycopg", "psycopg-binary")]
    except PackageNotFoundError:
        raise SystemExit(
            "psycopg isn't installed here, as promptstack has no use for it. Install it into the "
            'environment that runs this: pip install "psycopg[binary]"'
        ) from None
    print(f"asyncpg {found[0]}, psycopg {found[1]} (binary), {turns} turns")
    asyncio.run(measure(turns))


if __name__ == "__main__":
    main()
