"""The data root: the folder with all files of one embedded PostgreSQL."""

import contextlib
import os
import re
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storage.embedded.errors import EmbeddedError
from storage.embedded.owner import Owner

if TYPE_CHECKING:
    from storage.embedded.accounts import Account

# The name of a socket is at most 103 bytes long on the strictest system, ours takes 13 of them.
_LONGEST_SOCKET_FOLDER = 80
_AS_ROOT = Path("/var/lib")


@dataclass(frozen=True)
class Root:
    """One data root, and how to serve it.

    `bindir` is the folder of a PostgreSQL to use instead of the first one found.
    """

    path: Path
    owner: Owner
    idle_seconds: float = 60.0
    bindir: Path | None = None

    @classmethod
    def of(
        cls,
        owner: Owner,
        data_dir: Path | None = None,
        *,
        idle_seconds: float = 60.0,
        bindir: Path | None = None,
    ) -> "Root":
        """Return the root inside `data_dir`, or in the usual place of this user."""
        # Different spellings of one folder must not become two servers.
        folder = Path(os.path.realpath((data_dir or _usual_place(owner.name)).expanduser()))
        programs = bindir.expanduser().absolute() if bindir else None
        return cls(folder / "postgres", owner, idle_seconds, programs)

    @property
    def password(self) -> Path:
        """The file with the password of the database user."""
        return self.path / "password"

    @property
    def passfile(self) -> Path:
        """The same password in the format that PostgreSQL's programs read."""
        return self.path / "pgpass"

    @property
    def clients(self) -> Path:
        """The folder of the presence files."""
        return self.path / "clients"

    @property
    def backups(self) -> Path:
        """The folder of dumps without a file name of their own."""
        return self.path / "backups"

    @property
    def start_lock(self) -> Path:
        """The lock under which a server is made, started, or stopped for idleness."""
        return self.path / "start.lock"

    @property
    def supervisor_lock(self) -> Path:
        """The lock that the supervisor holds all its life; it contains its process id."""
        return self.path / "supervisor.lock"

    @property
    def failure(self) -> Path:
        """The file with the last supervisor's error, if it failed."""
        return self.path / "failure"

    @property
    def log(self) -> Path:
        """The log of PostgreSQL."""
        return self.path / "postgres.log"

    @property
    def supervisor_log(self) -> Path:
        """The log of the supervisors."""
        return self.path / "supervisor.log"

    @property
    def sockets(self) -> Path:
        """The folder of the socket: in the root, unless clients couldn't open that name."""
        inside = self.path / "run"
        name = os.fsencode(inside)
        # Clients split a host name at commas.
        if len(name) <= _LONGEST_SOCKET_FOLDER and b"," not in name:
            return inside
        import hashlib

        # Not the folder TMPDIR names: clients are started with different environments.
        short = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
        return Path(f"/tmp/{self.owner.name}-{os.geteuid()}-{short}")

    def data(self, major: int) -> Path:
        """Return the data directory of a major version."""
        return self.path / f"pg{major}"

    def found_data(self) -> tuple[Path, int] | None:
        """Return the newest data directory, and its major version."""
        majors = [
            int(match[1])
            for folder in self.path.glob("pg*")
            if (match := re.fullmatch(r"pg(\d+)", folder.name)) and folder.is_dir()
        ]
        return (self.data(max(majors)), max(majors)) if majors else None

    def read_password(self) -> str | None:
        """Return the password of the database user, or None if there is none to read.

        A file that is empty, or holds anything but letters, digits and signs, counts as lost.
        """
        try:
            content = self.password.read_bytes().strip()
        except FileNotFoundError:
            return None
        is_word = bool(content) and all(0x21 <= byte <= 0x7E for byte in content)
        return content.decode("ascii") if is_word else None

    def prepare(self, *, may_make: bool = True) -> None:
        """Make the root, or check that it's ours.

        Raises:
            EmbeddedError: Another user owns it.
            FileNotFoundError: It isn't there, and `may_make` is off.
        """
        is_root = os.geteuid() == 0
        mode = 0o711 if is_root else 0o700
        if may_make and not self.path.is_dir():
            _make_folders(self.path, mode)
        if is_root:
            self._let_the_server_pass()
        status = self.path.stat()
        if status.st_uid != os.geteuid():
            raise EmbeddedError(
                f"The data folder '{self.path}' belongs to user id {status.st_uid}, and this "
                f"process runs as {os.geteuid()}; run it as that user, or name another folder in "
                f"{self.owner.folder_setting}."
            )
        if stat.S_IMODE(status.st_mode) != mode:
            self.path.chmod(mode)
        for folder in (self.clients, self.backups):
            folder.mkdir(mode=0o700, exist_ok=True)

    def _let_the_server_pass(self) -> None:
        """Let other accounts pass through the folder around the root, if it holds nothing else.

        `mktemp -d` makes a folder that only its owner may enter, and the server isn't run by root.
        """
        around = self.path.parent
        status = around.stat()
        closed = status.st_uid == 0 and not status.st_mode & stat.S_IXOTH
        if closed and {entry.name for entry in around.iterdir()} <= {self.path.name}:
            around.chmod(stat.S_IMODE(status.st_mode) | 0o011)

    def prepare_sockets(self, account: "Account") -> None:
        """Make the folder of the socket, which only the server's account may open.

        Raises:
            EmbeddedError: Another user made it before.
        """
        folder = self.sockets
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        descriptor = _open_own_folder(folder, account, self.owner)
        try:
            os.fchmod(descriptor, 0o700)
            if account.is_other:
                os.fchown(descriptor, account.uid, account.gid)
        finally:
            os.close(descriptor)


def _open_own_folder(folder: Path, account: "Account", owner: Owner) -> int:
    # The folder that is checked is the one that is changed, even if it is swapped meanwhile.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        if os.fstat(descriptor).st_uid in (os.geteuid(), account.uid):
            return descriptor
        os.close(descriptor)
    raise EmbeddedError(
        f"'{folder}' is needed for the database's socket, but somebody else made it; "
        f"remove it, or name a folder with a shorter path in {owner.folder_setting}."
    )


def _usual_place(name: str) -> Path:
    if sys.platform != "win32" and os.geteuid() == 0:
        return _AS_ROOT / name
    import platformdirs

    return platformdirs.user_data_path(name)


def _make_folders(path: Path, mode: int) -> None:
    for folder in (*reversed(path.parents), path):
        if not folder.is_dir():
            folder.mkdir(mode=mode, exist_ok=True)
            # The umask may be stricter, but the server's account must get through.
            folder.chmod(mode)
