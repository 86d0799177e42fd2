"""Which files an import reads, and the prompts in them."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISDIR
from typing import TYPE_CHECKING

from mcp_server.cli.texts import read_text
from storage.errors import Invalid

if TYPE_CHECKING:
    from mcp_server.domain.formats.files import PromptFile

SKILL = "SKILL.md"
_READ = (".csv", ".md")
_ABOUT = ("readme", "license", "changelog", "contributing")
"""Files of these names are about their folder, unless front matter says that they are prompts."""


@dataclass(slots=True)
class Sources:
    """What was read: prompts, each under a name of its own, and what couldn't be."""

    prompts: list["PromptFile"] = field(default_factory=list)
    refused: list[Invalid] = field(default_factory=list)


def read_sources(paths: Sequence[Path]) -> Sources:
    """Read files, and what lies in folders; a prompt that is refused keeps no other one out."""
    found = Sources()
    taken: dict[str, str] = {}
    for path, named in _files(paths, found.refused):
        for prompt in _attempt(path, named=named):
            refusal = prompt if isinstance(prompt, Invalid) else _claim(prompt, taken)
            if refusal is not None:
                found.refused.append(refusal)
            elif not isinstance(prompt, Invalid):
                found.prompts.append(prompt)
    return found


def _files(paths: Sequence[Path], refused: list[Invalid]) -> Iterator[tuple[Path, bool]]:
    """Yield each file once, and whether it was named itself."""
    seen: set[str] = set()
    for given in paths:
        try:
            is_folder = S_ISDIR(given.stat().st_mode)
        except FileNotFoundError:
            refused.append(Invalid(f"{given}: there is no such file or folder. Check the path."))
            continue
        except OSError as error:
            refused.append(
                Invalid(f"{given}: this can't be read: {error.strerror}. Check the path.")
            )
            continue
        for path in _walk(given, refused) if is_folder else (given,):
            real = os.path.realpath(path)
            if real not in seen:
                seen.add(real)
                yield path, path is given


def _walk(folder: Path, refused: list[Invalid]) -> Iterator[Path]:
    """Yield what may be prompts in a folder, in sorted order; a skill's folder is one prompt."""

    def note(error: OSError) -> None:
        refused.append(Invalid(f"{error.filename}: this can't be read: {error.strerror}."))

    for place, folders, names in os.walk(folder, onerror=note):
        if SKILL in names:
            folders.clear()
            yield Path(place, SKILL)
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and name.lower().endswith(_READ):
                yield Path(place, name)


def _attempt(path: Path, *, named: bool) -> Iterable["PromptFile | Invalid"]:
    try:
        return _read(path, named=named)
    except Invalid as refusal:
        return (refusal,)


def _read(path: Path, *, named: bool) -> Iterable["PromptFile | Invalid"]:
    from mcp_server.domain.formats.detect import read_file
    from mcp_server.domain.formats.front_matter import has_front_matter

    text = read_text(str(path))
    about = path.stem.lower() in _ABOUT and path.suffix.lower() == ".md"
    if about and not named and not has_front_matter(text):
        return ()
    return read_file(str(path), text)


def _claim(prompt: "PromptFile", taken: dict[str, str]) -> Invalid | None:
    """Refuse a second prompt of the same name: it would become the first one's next version."""
    name = prompt.metadata.name
    first = taken.setdefault(name, prompt.source)
    if first == prompt.source:
        return None
    return Invalid(
        f"{prompt.source}: the name '{name}' is taken by {first} in this import. "
        "Give one of them another name."
    )
