"""The account that runs PostgreSQL, which refuses to run as root."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from storage.embedded.errors import EmbeddedError
from storage.embedded.owner import Owner

if sys.platform != "win32":
    import pwd


class ProcessIdentity(TypedDict, total=False):
    """The arguments of `subprocess.Popen` that choose the account of a child."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """The account that runs the server; `is_other` if this process runs as another one."""

    uid: int
    gid: int
    name: str
    is_other: bool

    def identity(self) -> ProcessIdentity:
        """Return the arguments with which `subprocess` starts a child as this account."""
        if not self.is_other:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give a file or folder to this account."""
        if self.is_other:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def unreachable_part(self, path: Path) -> Path | None:
        """Return the outermost folder on the way to `path` that this account may not enter."""
        if not self.is_other:
            return None
        way = [*reversed(path.resolve().parents), path.resolve()]
        return next((part for part in way if part.is_dir() and not self._may_pass(part)), None)

    def _may_pass(self, folder: Path) -> bool:
        status = folder.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & 0o100)
        if status.st_gid == self.gid:
            return bool(status.st_mode & 0o010)
        return bool(status.st_mode & 0o001)


def server_account(owner: Owner, data: Path | None = None, *, may_create: bool = True) -> Account:
    """Choose the account to run PostgreSQL as.

    If this process runs as root, that is the owner of `data` if it exists, because a data directory
    can't change hands; else an account with the program's name, or PostgreSQL's usual one.

    Raises:
        EmbeddedError: There is no account that can run it.
    """
    if os.geteuid() != 0:
        return _own_account(owner)
    if data is not None and data.is_dir() and (uid := data.stat().st_uid) != 0:
        return _account(_entry_of(uid, owner))
    for name in (owner.name, "postgres"):
        if entry := _find_entry(name):
            return _account(entry)
    if may_create and (entry := _create_entry(owner.name)):
        return _account(entry)
    if entry := _find_entry("nobody"):
        return _account(entry)
    raise EmbeddedError(
        f"PostgreSQL can't run as root, and this machine has no account '{owner.name}', 'postgres' "
        f"or 'nobody' to run it as; create one, or set {owner.server_setting}."
    )


def _own_account(owner: Owner) -> Account:
    entry = _entry_of(os.geteuid(), owner)
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name, is_other=False)


def _account(entry: "pwd.struct_passwd") -> Account:
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name, is_other=True)


def _entry_of(uid: int, owner: Owner) -> "pwd.struct_passwd":
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise EmbeddedError(
            f"PostgreSQL can't run as user id {uid}, which has no entry in the password "
            f"database; set {owner.server_setting} to a PostgreSQL server, or run as a named user."
        ) from None


def _find_entry(name: str) -> "pwd.struct_passwd | None":
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _create_entry(name: str) -> "pwd.struct_passwd | None":
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        return None
    command = [useradd, "--system", "--user-group", "--no-create-home", "--home-dir", "/"]
    command += ["--shell", "/usr/sbin/nologin", name]
    # Its exit code doesn't matter: another process may have created the account meanwhile.
    subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    return _find_entry(name)
