"""`sync`: a folder of files and the library, kept in step."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mcp_server.cli.options import HavingTag, InFolder, make_filter
from mcp_server.cli.printing import write_line
from mcp_server.cli.running import EXIT_CODES, Invocation, fail, use_library, warn
from storage.errors import Conflict, Invalid, PromptError, Unavailable

if TYPE_CHECKING:
    from mcp_server.domain.formats.files import PromptFile
    from mcp_server.service.library import Library
    from mcp_server.service.syncing import Head
    from storage.entities import PromptFilter

STATE = ".promptstack-sync.json"
"""The file in which a folder remembers what was last in step."""

_EVERY = 2_000
"""Milliseconds between two looks at the library, while nothing happens in the folder."""
_FORMATS = ("markdown", "yaml", "json")
_SIDES = ("files", "library")


def sync(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="The folder, with a file for each prompt.")],
    watch: Annotated[bool, typer.Option("--watch", help="Go on until interrupted.")] = False,
    prefer: Annotated[
        str | None,
        typer.Option(help="Where both changed, take `files` or `library`; else they are left."),
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", help="Of new files: markdown, yaml or json.")
    ] = "markdown",
    tag: HavingTag = None,
    in_folder: InFolder = None,
) -> None:
    """Keep a folder and the newest texts of the library in step. Nothing is ever deleted."""
    if format_ not in _FORMATS:
        raise Invalid(f"A folder isn't kept in '{format_}'. Use {', '.join(_FORMATS)}.")
    if prefer is not None and prefer not in _SIDES:
        raise Invalid(f"'{prefer}' is no side to prefer. Use {' or '.join(_SIDES)}.")
    if folder.exists() and not folder.is_dir():
        raise Invalid(f"{folder}: this is a file. Name a folder.")
    folder.mkdir(parents=True, exist_ok=True)
    syncing = _Sync(folder, make_filter(tag, in_folder), Invocation.of(context).actor, format_)
    syncing.prefer = prefer
    try:
        conflicts = use_library(context, syncing.watch if watch else syncing.once)
    except KeyboardInterrupt:
        return
    except OSError as error:
        raise Invalid(
            f"{error.filename or folder}: this can't be written: {error.strerror}. Check the "
            "folder."
        ) from None
    if conflicts:
        raise typer.Exit(EXIT_CODES[Conflict])


@dataclass(slots=True)
class _Sync:
    """One folder, and what it remembers."""

    folder: Path
    chosen: "PromptFilter"
    actor: str
    format_name: str
    prefer: str | None = None
    said: set[str] = field(default_factory=set)

    async def watch(self, library: "Library") -> int:
        """Go over everything again whenever something changes on either side."""
        conflicts = 0
        seen: tuple[str, str] | None = None
        async for _ in _changes(self.folder):
            try:
                marks = (await library.syncing.mark(), _mark_of(self.folder))
                if marks != seen:
                    conflicts = await self.once(library)
                    seen = (await library.syncing.mark(), _mark_of(self.folder))
            except Unavailable as away:
                self._tell(f"{away.message} Watching goes on.")
        return conflicts

    async def once(self, library: "Library") -> int:
        """Go over everything; returns how many prompts couldn't be brought in step."""
        from mcp_server.domain.syncing import decide, fingerprint

        state = _read_state(self.folder)
        files, unreadable = self._read_files()
        heads = await library.syncing.read(self.chosen)
        left = len(unreadable)
        for name in sorted({*files, *heads, *state}):
            known = state.get(name, {})
            if known.get("file") in unreadable:
                continue
            file, head = files.get(name), heads.get(name)
            here = fingerprint(file) if file else None
            there = fingerprint(head.file) if head else None
            step = decide(known.get("fingerprint"), here, there)
            if step == "conflict" and self.prefer is not None:
                step = "update" if self.prefer == "files" else "write file"
            try:
                done = await self._do(library, name, step, file, head, known.get("file"))
            except Unavailable:
                raise
            except PromptError as error:
                self._tell(f"{file.source if file else name}: {error.message}", error=True)
                left += 1
                continue
            if done is None:
                left += step in ("conflict", "prompt gone", "file deleted")
                if here is None and there is None:
                    state.pop(name, None)
            else:
                written = step in ("create", "update")
                state[name] = {"file": done, "fingerprint": here if written else there}
        _write_state(self.folder, state)
        return left

    async def _do(
        self,
        library: "Library",
        name: str,
        step: str,
        file: "PromptFile | None",
        head: "Head | None",
        place: str | None,
    ) -> str | None:
        """Do one step; returns the file in which the prompt now is in step, None if it isn't."""
        if step == "in step":
            return file.source if file else None
        if step in ("create", "update") and file is not None:
            expected = head.version if head else None
            version = await library.syncing.write(file, by=self.actor, expected_version=expected)
            self._tell(f"{file.source} → {name}@{version}")
            return file.source
        if step == "write file" and head is not None:
            place = file.source if file else place or self._new_place(head.file)
            self._write_file(place, head.file)
            self._tell(f"{name}@{head.version} → {place}")
            return place
        if step in _LEFT:
            self._tell(_LEFT[step].format(name=name, place=file.source if file else place))
        return None

    def _tell(self, line: str, *, error: bool = False) -> None:
        """Say something; what stays as it is, is said once."""
        if "→" in line and not error:
            write_line(line)
        elif line not in self.said:
            self.said.add(line)
            if error:
                fail(Invalid(line))
            else:
                warn(line)

    def _read_files(self) -> "tuple[dict[str, PromptFile], set[str]]":
        """Return the prompts in the folder by name, and the files that can't be read."""
        from dataclasses import replace

        from mcp_server.cli.sources import Sources

        found: dict[str, PromptFile] = {}
        unreadable: set[str] = set()
        for source in Sources([self.folder]):
            place = source.path.relative_to(self.folder).as_posix()
            if place == STATE:
                continue
            if not source.alone:
                self._tell(f"{place}: this holds several prompts, and isn't synced. Import it.")
                continue
            for prompt in source.prompts:
                if isinstance(prompt, Invalid):
                    unreadable.add(place)
                    self._tell(prompt.message, error=True)
                elif prompt.metadata.name in found:
                    unreadable.add(place)
                    other = found[prompt.metadata.name].source
                    self._tell(f"{place}: {other} holds a prompt of the same name. Rename one.")
                else:
                    found[prompt.metadata.name] = replace(prompt, source=place)
        return found, unreadable

    def _new_place(self, file: "PromptFile") -> str:
        from mcp_server.domain.formats.registry import find_format

        return find_format(self.format_name).file_name(file)

    def _write_file(self, place: str, file: "PromptFile") -> None:
        from mcp_server.domain.formats.registry import find_format

        suffix = Path(place).suffix.lower()
        name = {".yaml": "yaml", ".yml": "yaml", ".json": "json"}.get(suffix, "markdown")
        written = find_format(name).writer()(file)
        path = self.folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.part")
        unfinished.write_bytes(written.text.encode())
        unfinished.replace(path)


_LEFT = {
    "conflict": "{place}: changed, and so did '{name}' in the library. Nothing was overwritten: "
    "put one into the other, or sync with --prefer files or --prefer library.",
    "file deleted": "{place}: deleted here, and '{name}' is still in the library. Archive it "
    "there, or delete it from " + STATE + " to have the file again.",
    "prompt gone": "{place}: '{name}' was archived or renamed in the library. Delete the file, or "
    "restore the prompt.",
}


async def _changes(folder: Path) -> AsyncIterator[None]:
    """Yield at once, whenever something changes in the folder, and every now and then."""
    from watchfiles import awatch

    yield
    async for _ in awatch(folder, yield_on_timeout=True, rust_timeout=_EVERY):
        yield


def _mark_of(folder: Path) -> str:
    """Return something that is another one once a file in the folder has changed."""
    return str(sorted(_stats(folder)))


def _stats(folder: Path) -> Iterator[tuple[str, int, int]]:
    for path in folder.rglob("*"):
        with suppress(OSError):  # it may be gone by now
            if path.is_file() and path.name != STATE:
                stat = path.stat()
                yield str(path), stat.st_mtime_ns, stat.st_size


def _read_state(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / STATE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["prompts"]
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError):
        raise Invalid(
            f"{path}: this isn't what a sync left there. Delete it: the next sync compares all "
            "files with the library."
        ) from None
    return dict(found)


def _write_state(folder: Path, state: dict[str, dict[str, Any]]) -> None:
    path = folder / STATE
    text = json.dumps({"prompts": dict(sorted(state.items()))}, indent=1, ensure_ascii=False)
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_text(f"{text}\n", encoding="utf-8")
    unfinished.replace(path)
