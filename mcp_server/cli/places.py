"""Places: where in a folder files may be written, and how to do so without losing any."""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from secrets import token_hex
from stat import S_IMODE, S_ISLNK, S_ISREG
from typing import BinaryIO

from storage.values.errors import Conflict, Invalid

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)
_UNFINISHED = re.compile(r"\.promptstack-[0-9a-f]{16}\.part")
"""The name of a file while it is being written."""
_ABANDONED_SECONDS = 24 * 60 * 60
"""An unfinished file that hasn't grown for so long was left by a killed process."""


def is_inside(place: str) -> bool:
    """Tell whether a text is a relative path that only leads down."""
    plain = not PurePath(place).anchor and "\0" not in place
    return plain and all(part not in ("", ".", "..") for part in place.split("/"))


def leads_into(path: Path, folder: Path) -> bool:
    """Tell whether a path, all its links followed, lies in a folder."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def path_in(folder: Path, place: str) -> Path:
    """Return the path of a file in a folder, whether it is there or not.

    Raises:
        Invalid: `place` isn't a relative path that only leads down.
        Conflict: it leaves the folder by a link, or is a link itself; it exists and isn't a regular
            file, or something on the way to it isn't a folder.
    """
    path = folder / place
    if not is_inside(place):
        raise Invalid(f"This isn't a path inside of {folder}. Name one without '..'.")
    if not leads_into(path.parent, folder):
        raise Conflict(
            f"This leads out of {folder} by a link, and nothing is written there. Remove the "
            "link, or name the folder that it leads to."
        )
    on_the_way = (each for each in path.parents if each.is_relative_to(folder))
    blocked = next((each for each in on_the_way if os.path.lexists(each)), folder)
    if os.path.lexists(blocked) and not blocked.is_dir():
        raise Conflict(f"{blocked} is no folder, so this can't be written. Rename it.")
    mode = _mode_of(path)
    if mode is not None and S_ISLNK(mode):
        raise Conflict("This is a link, and what it leads to isn't overwritten. Remove the link.")
    if mode is not None and not S_ISREG(mode):
        raise Conflict("This is no file, and is left as it is. Rename it.")
    return path


def write_file(path: Path, data: bytes, *, seen: bytes | None) -> None:
    """Write a file atomically, if it still holds `seen`; None stands for no file.

    Raises:
        Conflict: the file has changed, or exists by now.
        OSError: it can't be written; nothing has changed then.
    """

    def check() -> None:
        if seen is not None and path.read_bytes() != seen:
            raise Conflict("This changed in between, and was left as it is. Try again.")

    with replacing(path, check, new=seen is None) as out:
        out.write(data)


def remove_leftovers(folder: Path) -> None:
    """Remove the unfinished files of killed processes from a folder, as far as possible."""
    with suppress(OSError):
        for path in folder.iterdir():
            if _UNFINISHED.fullmatch(path.name):
                _remove_old(path)


@contextmanager
def replacing(
    path: Path, check: Callable[[], None] = lambda: None, *, new: bool = False
) -> Iterator[BinaryIO]:
    """Yield a binary file that takes the place of `path` once it is complete.

    It takes over the mode and, where permitted, the owner; a link at `path` is replaced, not
    followed. `check` is called right before the replacement. With `new`, nothing is replaced.

    Raises:
        Conflict: with `new`, the file exists already.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".promptstack-{token_hex(8)}.part")
    before = None if new else _stat_of(path)
    mode = 0o666 if before is None else S_IMODE(before.st_mode) & 0o777
    try:
        with os.fdopen(os.open(unfinished, _NEW | _BINARY, mode), "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        if before is not None:
            _take_over(unfinished, before)
        check()
        if new:
            _put(unfinished, path)
        else:
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _remove_old(path: Path) -> None:
    with suppress(OSError):
        status = path.lstat()
        if S_ISREG(status.st_mode) and time.time() - status.st_mtime > _ABANDONED_SECONDS:
            path.unlink()


def _put(unfinished: Path, path: Path) -> None:
    """Rename a file to a path that is still free; a hard link settles races for that path."""
    conflict = Conflict("There is a file by now, and it was left as it is. Try again.")
    try:
        os.link(unfinished, path)
    except FileExistsError:
        raise conflict from None
    except OSError:  # not every file system has links
        if os.path.lexists(path):
            raise conflict from None
        unfinished.rename(path)


def _take_over(unfinished: Path, before: os.stat_result) -> None:
    """Give a file the owner and mode of the one that it replaces, as far as permitted."""
    with suppress(OSError, AttributeError):  # only root may give files away
        os.chown(unfinished, before.st_uid, before.st_gid)
    with suppress(OSError):
        unfinished.chmod(S_IMODE(before.st_mode))


def _stat_of(path: Path) -> os.stat_result | None:
    """Return the status of a regular file; None if there is none at the path."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return status if S_ISREG(status.st_mode) else None


def _mode_of(path: Path) -> int | None:
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return None


def _sync_folder(folder: Path) -> None:
    """Make a rename in a folder durable, where the system can sync folders."""
    with suppress(OSError, AttributeError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
