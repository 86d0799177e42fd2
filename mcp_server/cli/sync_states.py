"""The state of a synced folder: each prompt as it was when both sides were last in step."""

import json
import os
from pathlib import Path
from stat import S_ISREG
from typing import Any

from mcp_server.cli.places import is_inside, replacing
from mcp_server.domain.formats.files import EVERYTHING
from mcp_server.domain.names import NAME
from mcp_server.domain.syncing import Base
from mcp_server.domain.texts import shown
from storage.values.errors import Invalid

STATE = ".promptstack-sync.json"
"""The file that holds a folder's state."""

State = dict[str, Base]


def read_state(folder: Path) -> State:
    """Return the state of a folder: the bases of its prompts by name, empty before a sync.

    Raises:
        Invalid: the file isn't one that `write_state` wrote.
    """
    path = folder / STATE
    try:
        if not S_ISREG(os.lstat(path).st_mode):
            raise Invalid(f"{path}: this is a link or no file, and isn't read. Remove it.")
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError):
        raise _broken(path, "this is no JSON that a sync left there") from None
    prompts = document.get("prompts") if isinstance(document, dict) else None
    if not isinstance(prompts, dict):
        raise _broken(path, "this has no 'prompts', as a sync leaves them there")
    return {name: _base(name, entry, path) for name, entry in prompts.items()}


def write_state(folder: Path, state: State) -> None:
    """Store the state of a folder; the file isn't touched if it hasn't changed."""
    path = folder / STATE
    prompts = {name: _entry(base) for name, base in sorted(state.items())}
    text = json.dumps({"prompts": prompts}, indent=1, ensure_ascii=False)
    data = f"{text}\n".encode()
    if path.is_file() and not path.is_symlink() and path.read_bytes() == data:
        return
    with replacing(path) as out:
        out.write(data)


def _entry(base: Base) -> dict[str, Any]:
    return {
        "file": base.place,
        "fingerprint": base.library,
        "read": base.file,
        "says": sorted(base.says),
        "unsaid": sorted(base.unsaid),
    }


def _base(name: str, entry: object, path: Path) -> Base:
    place = f"'prompts.{shown(name)}'"
    if not NAME.fullmatch(name) or not isinstance(entry, dict):
        raise _broken(path, f"{place} isn't what it has of a prompt")
    file, library = entry.get("file"), entry.get("fingerprint")
    read = entry.get("read", library)  # older files have one fingerprint for both sides
    if not isinstance(file, str) or not is_inside(file):
        raise _broken(path, f"{place} has '{shown(file)}' for its file, which isn't in the folder")
    if not isinstance(library, str) or not isinstance(read, str):
        raise _broken(path, f"{place} has no fingerprint")
    says, unsaid = (entry.get(key, []) for key in ("says", "unsaid"))
    if not _are_fields(says) or not _are_fields(unsaid):
        raise _broken(path, f"{place} names what a prompt doesn't say")
    return Base(file, read, library, frozenset(says), frozenset(unsaid))


def _are_fields(value: object) -> bool:
    return isinstance(value, list) and all(each in sorted(EVERYTHING) for each in value)


def _broken(path: Path, reason: str) -> Invalid:
    return Invalid(
        f"{path}: {reason}. Delete this file: the next sync compares all files with the library."
    )
