"""A PgBouncer in transaction mode in front of a test's server."""

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from urllib.parse import parse_qs, urlsplit

from storage.embedded.accounts import server_account
from tests.support.embedded import OWNER
from tests.support.processes import started

PGBOUNCER = shutil.which(
    "pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
)
_SETTINGS = {
    "listen_addr": "127.0.0.1",
    "unix_socket_dir": "",
    "auth_type": "any",
    "pool_mode": "transaction",
    # Few enough that clients really get each other's connections.
    "default_pool_size": 3,
    "max_client_conn": 200,
    "server_round_robin": 1,
}


@contextmanager
def pooler_to(url: str) -> Iterator[str]:
    """Run a pooler to the database of a URL, and return the URL to reach it by."""
    parts = urlsplit(url)
    database, user = parts.path.removeprefix("/"), parts.username or "postgres"
    host = parts.hostname or parse_qs(parts.query)["host"][0]
    port = _free_port()
    account = server_account(OWNER, may_create=False)
    with tempfile.TemporaryDirectory(prefix="ps-pooler-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        configuration = folder / "pgbouncer.ini"
        configuration.write_text(
            f"[databases]\n{database} = host={host} port={parts.port or 5432} user={user}\n"
            f"[pgbouncer]\nlisten_port = {port}\n"
            + "".join(f"{key} = {value}\n" for key, value in _SETTINGS.items())
        )
        assert PGBOUNCER is not None
        command = [PGBOUNCER, configuration]
        with (
            open(folder / "log", "wb") as log,
            started(command, stdout=log, stderr=log, **account.identity()) as process,
        ):
            _wait_for(port, process, folder / "log")
            yield f"postgresql+asyncpg://{user}@127.0.0.1:{port}/{database}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, process: Popen[bytes], log: Path) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise RuntimeError(log.read_text(errors="replace"))
