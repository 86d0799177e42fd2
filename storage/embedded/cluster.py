"""A database cluster on disk: how it's made, and with which settings it's served."""

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from storage.embedded.accounts import Account
from storage.embedded.binaries import Binaries, copy_tree
from storage.embedded.errors import EmbeddedError
from storage.embedded.identity import CONTROL, path_from_within
from storage.embedded.locks import try_lock, unlock
from storage.embedded.owner import Owner
from storage.embedded.paths import Root

# Whatever the client's environment is, the cluster and its messages are the same.
ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}

_SPECIAL_IN_QUOTES = frozenset('"$`\\\n')

# One user's server: small, quiet, and with nothing open but its socket.
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "logging_collector": "off",
    "shared_buffers": "16MB",
    "max_connections": "100",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_worker_processes": "2",
    "max_parallel_workers": "2",
    "autovacuum_max_workers": "1",
    "jit": "off",
    "min_wal_size": "32MB",
    "max_wal_size": "128MB",
    "huge_pages": "off",
}


def create_cluster(root: Root, binaries: Binaries, account: Account) -> Path:
    """Make the data directory of `binaries`' version; it appears all at once or not at all."""
    password = root.read_password()
    if password is None:
        password = secrets.token_urlsafe(32)
        write_secret(root.password, password)
    workshop = Path(tempfile.mkdtemp(prefix=".init-", dir=root.path))
    # Other processes may remove an unlocked folder; initdb and its children keep it locked even
    # when this process is killed.
    lock = try_lock(workshop / "lock")
    assert lock is not None
    try:
        with _nameable(binaries, root.owner.name) as programs:
            unfinished = _fill(workshop, root.owner, password, programs, account, lock)
        data = root.data(binaries.major)
        unfinished.rename(data)
        _sync_folder(root.path)
    finally:
        unlock(lock)
        shutil.rmtree(workshop, ignore_errors=True)
    return data


def remove_unfinished(root: Root) -> None:
    """Remove the unfinished folders of killed processes; the start lock must be held."""
    for folder in root.path.glob(".stage-*"):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in root.path.glob(".init-*"):
        lock = try_lock(folder / "lock")
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            unlock(lock)


def check_version(root: Root, data: Path, major: int) -> None:
    """Refuse a data directory that isn't whole, or not of the version its name says.

    Raises:
        EmbeddedError: It can't be served.
    """
    try:
        version = (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        version = ""
    if version != str(major):
        raise EmbeddedError(
            f"'{data}' should hold a PostgreSQL {major} database, but its PG_VERSION says "
            f"'{version}'; put the folder right, or name another one in "
            f"{root.owner.folder_setting}."
        )
    if not (data / CONTROL).is_file():
        raise EmbeddedError(
            f"'{data}' isn't a whole database: it has no {CONTROL}. Put the rest of it there, or "
            f"name another folder in {root.owner.folder_setting}."
        )


def server_command(root: Root, binaries: Binaries) -> list[str]:
    """Return the command line of the server, without its data directory.

    It is started in that directory, so a socket folder inside the root is relative to it.
    """
    settings = _SETTINGS | {"cluster_name": root.owner.name}
    inside = root.sockets.parent == root.path
    sockets = os.path.join(os.pardir, root.sockets.name) if inside else str(root.sockets)
    # This setting is a list, so a path in it must be quoted.
    settings["unix_socket_directories"] = '"' + sockets.replace('"', '""') + '"'
    if binaries.major >= 18:
        settings["io_method"] = "sync"
    if sys.platform == "linux":
        settings["recovery_init_sync_method"] = "syncfs"
    command = [str(binaries.program("postgres"))]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    return command


def write_secret(path: Path, text: str) -> None:
    """Write a file that only this user can read, all at once."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    unfinished = Path(name)
    try:
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def replace_password(root: Root, data: Path, binaries: Binaries, account: Account) -> None:
    """Give the database user a new password in place of a lost one; the server must be down."""
    password = secrets.token_urlsafe(32)
    statement = f"ALTER ROLE {root.owner.name} PASSWORD '{password}'"
    _single_user(root.owner, data, statement, binaries, account)
    write_secret(root.password, password)


@contextlib.contextmanager
def _nameable(binaries: Binaries, name: str) -> Iterator[Binaries]:
    # Initdb calls the other programs through a shell, by their path in double quotes.
    if binaries.tree is None or not _SPECIAL_IN_QUOTES & set(str(binaries.bin)):
        yield binaries
        return
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir="/tmp") as folder:
        yield copy_tree(binaries, Path(folder))


def _fill(
    workshop: Path,
    owner: Owner,
    password: str,
    binaries: Binaries,
    account: Account,
    lock: int,
) -> Path:
    data, secret = workshop / "data", workshop / "password"
    write_secret(secret, password)
    account.own(secret)
    account.own(workshop)
    initdb = str(binaries.program("initdb"))
    command = [initdb, "-D", str(data), "-U", owner.name, f"--pwfile={secret}"]
    command += [
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--no-sync",
        "--no-instructions",
        *_locale_flags(binaries),
    ]
    _run(owner, command, account, lock=lock)
    creating = f"CREATE DATABASE {owner.name}"
    _single_user(owner, data, creating, binaries, account, "-F", lock=lock)
    _run(owner, [initdb, "--sync-only", "-D", str(data)], account, lock=lock)
    return data


def _locale_flags(binaries: Binaries) -> list[str]:
    # With the locale C, which it would take from a bare environment, PostgreSQL can't change the
    # case of a letter beyond ASCII, and never will for this cluster.
    if binaries.major >= 17:
        return ["--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8"]


def _single_user(
    owner: Owner,
    data: Path,
    statement: str,
    binaries: Binaries,
    account: Account,
    *options: str,
    lock: int | None = None,
) -> None:
    postgres = str(binaries.program("postgres"))
    place = path_from_within(str(data))
    command = [postgres, "--single", "-D", place, "-c", "exit_on_error=on", *options]
    _run(owner, [*command, "postgres"], account, text=statement, lock=lock, folder=data)


def _run(
    owner: Owner,
    command: list[str],
    account: Account,
    *,
    text: str = "",
    lock: int | None = None,
    folder: Path = Path("/"),
) -> None:
    result = subprocess.run(
        command,
        input=text.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        cwd=folder,
        env=ENVIRONMENT,
        pass_fds=() if lock is None else (lock,),
        **account.identity(),
    )
    if result.returncode:
        output = result.stdout.decode(errors="replace").strip()
        raise EmbeddedError(
            f"The embedded PostgreSQL couldn't be set up: '{command[0]}' ended with exit code "
            f"{result.returncode}. Mend what it says below, or set {owner.server_setting}.\n"
            f"{output}"
        )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
