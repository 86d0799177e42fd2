"""A copy of the repository to make mistakes in, with a PostgreSQL for its tests."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.postgres import ThrowawayCluster
from tests.support.processes import run

ROOT = Path(__file__).parents[2]
_PYTEST = ["-n0", "-p", "no:cacheprovider", "-p", "benchmarks.mutants.plugin"]
# Half of what it takes to start pytest, for one file.
_PYTEST += ["-p", "no:schemathesis", "--ignore=tests/rest/test_schemathesis.py"]
_PRIVATE_PROCESSES = (
    ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"],
    ["unshare", "--user", "--map-current-user", "--pid", "--fork", "--kill-child", "--mount-proc"],
)


@cache
def private_processes() -> list[str] | None:
    """What starts a command so that it sees no other processes and all of its own end with it.

    A mutant that signals the wrong process could hit anybody's.
    """
    for command in _PRIVATE_PROCESSES:
        if shutil.which(command[0]) and not run([*command, "true"]).returncode:
            # The shell is their first process: it buries what it didn't start.
            return [*command, "sh", "-c", '"$@"; exit $?', "sh"]
    return None


class Copy:
    """A copy of what git knows and doesn't ignore, as it is now."""

    def __init__(self) -> None:
        # The paths of sockets have to be short.
        self._folder = Path(tempfile.mkdtemp(prefix="ps-mut-", dir="/tmp"))
        self.root = self._folder / "copy"
        self.scratch = self._folder / "t"
        self._cluster = ThrowawayCluster()

    def __enter__(self) -> Self:
        self._folder.chmod(0o755)  # tests run programs in it as other users
        self.scratch.mkdir()
        self.scratch.chmod(0o1777)
        for name in _files():
            target = self.root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
        # What is compiled is told by what it was compiled from, not by a time in whole seconds.
        compiling = ["-m", "compileall", "-q", "--invalidation-mode", "checked-hash"]
        rooms = ["mcp_server", "storage", "migrations"]
        subprocess.run([sys.executable, *compiling, *rooms], cwd=self.root, check=True)
        self._cluster.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._cluster.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def pytest(
        self, starting: Sequence[str], arguments: Sequence[str], timeout: float = 3600
    ) -> tuple[int, str]:
        """Run pytest in this copy, in time; return how it ended and what it said.

        Raises:
            TimeoutExpired: it didn't end in time; it has now.
        """
        alone = private_processes() or []
        command = [*alone, sys.executable, *starting, *_PYTEST, *arguments]
        try:
            done = run(command, cwd=self.root, env=self._environment(), text=True, timeout=timeout)
        finally:
            asyncio.run(self._sweep())
        return done.returncode, done.stdout + done.stderr

    def _environment(self) -> dict[str, str]:
        mine = {
            "PYTHONPATH": str(self.root),
            "TMPDIR": str(self.scratch),
            "TEST_DATABASE_URL": self._cluster.url("postgres"),
        }
        return os.environ | mine

    async def _sweep(self) -> None:
        """Drop what tests that were killed have left in the server."""
        async with self._cluster._connection() as connection:
            found = await connection.fetch("SELECT datname FROM pg_database WHERE datname ~ '^ps_'")
        for row in found:
            await self._cluster.drop_database(row["datname"])


def _files() -> list[str]:
    listing = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
