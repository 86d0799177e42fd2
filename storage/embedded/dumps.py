"""Dump, restore and look into the database with PostgreSQL's own programs."""

import os
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

from storage.embedded.cluster import write_secret
from storage.embedded.errors import EmbeddedError, UnusableFile
from storage.embedded.lifecycle import ConnInfo, ensure
from storage.embedded.owner import Owner
from storage.embedded.paths import Root
from storage.embedded.plans import choose_binaries

_ARCHIVE_MARK = b"PGDMP"


def dump(root: Root, file: Path | None = None) -> Path:
    """Write the whole database to an archive file, or to a new one in the root's backups.

    The file appears, or is replaced, only when it's complete.

    Raises:
        UnusableFile: The file can't be written.
        EmbeddedError: The server can't be started.
    """
    connection = ensure(root)
    target = file or _new_backup(root, connection.database)
    unfinished = target.with_name(f".{target.name}-{os.getpid()}")
    try:
        # Made here, as a dump holds everything and must be read by nobody else.
        os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        _run(root, connection, "pg_dump", "--format=custom", f"--file={unfinished}")
        unfinished.replace(target)
    except OSError as error:
        raise UnusableFile(
            f"The dump can't be written to '{target}' ({error.strerror}); name another file."
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def restore(root: Root, file: Path, then: str | None = None) -> Path:
    """Replace the content of the database with that of an archive, all of it or nothing.

    Triggers don't run for the restored rows: `then` is SQL that announces them.

    Returns the dump of the previous content, which is in the root's backups.

    Raises:
        UnusableFile: The file can't be read, or is no archive.
        EmbeddedError: The database refuses it.
    """
    _check_archive(root.owner, file)
    connection = ensure(root)
    before = dump(root, _new_backup(root, "before-restore"))
    options = ["--clean", "--if-exists", "--no-owner", "--exit-on-error", "--single-transaction"]
    options.append(f"--dbname={connection.database}")
    _run(root, connection, "pg_restore", *options, str(file.absolute()))
    if then is not None:
        options = ["--quiet", f"--dbname={connection.database}", f"--command={then}"]
        _run(root, connection, "psql", *options)
    return before


def shell_command(root: Root) -> tuple[list[str], dict[str, str]]:
    """Return the command of an SQL shell, and the variables to add to its environment.

    Raises:
        EmbeddedError: The server can't be started, or there is no psql.
    """
    connection = ensure(root)
    return [_program(root, "psql")], _environment(root, connection)


def _new_backup(root: Root, stem: str) -> Path:
    # To the microsecond: of two in one second, the later one would replace the earlier one, which
    # may be the very archive that is about to be restored.
    return root.backups / f"{stem}-{datetime.now():%Y%m%d-%H%M%S-%f}.dump"


def _check_archive(owner: Owner, file: Path) -> None:
    try:
        with open(file, "rb") as archive:
            start = archive.read(len(_ARCHIVE_MARK))
    except OSError as error:
        raise UnusableFile(
            f"The file '{file}' can't be read ({error.strerror}); name a file that "
            f"'{owner.dump_command}' wrote."
        ) from error
    if start != _ARCHIVE_MARK:
        raise UnusableFile(
            f"The file '{file}' isn't an archive of pg_dump, so nothing was changed; name a file "
            f"that '{owner.dump_command}' wrote."
        )


def _run(root: Root, connection: ConnInfo, program: str, *arguments: str) -> None:
    result = subprocess.run(
        [_program(root, program), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        env=_environment(root, connection) | {"LC_ALL": "C", "PATH": os.defpath},
    )
    if result.returncode:
        output = result.stdout.decode(errors="replace").strip()
        raise EmbeddedError(
            f"'{program}' ended with exit code {result.returncode}, and the database is as it was; "
            f"mend what it says below.\n{output}"
        )


def _program(root: Root, name: str) -> str:
    binaries = choose_binaries(root)
    if binaries.program(name).is_file():
        return str(binaries.program(name))
    # Newer programs serve older servers, and some packages come without them.
    if found := shutil.which(name):
        return found
    raise EmbeddedError(
        f"'{name}' isn't in '{binaries.bin}' nor on the PATH; install PostgreSQL's client programs."
    )


def _environment(root: Root, connection: ConnInfo) -> dict[str, str]:
    user, password = connection.user, connection.password
    # A variable would show the password to whatever the shell starts.
    write_secret(root.passfile, f"*:*:*:{user}:{password}\n")
    return {
        "PGHOST": connection.host,
        "PGPORT": str(connection.port),
        "PGUSER": user,
        "PGDATABASE": connection.database,
        "PGPASSFILE": str(root.passfile),
    }
