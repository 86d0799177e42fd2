"""Sync runs: every prompt of a folder and of the library is looked at and brought in step."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mcp_server.cli.printing import write_line
from mcp_server.cli.running import warn
from mcp_server.cli.sync_states import STATE, read_state, write_state
from mcp_server.cli.synced_folders import Found, SyncedFolder
from mcp_server.domain.formats.rewriting import agrees, as_meant
from mcp_server.domain.syncing import Base, Step, decide, fingerprint
from mcp_server.service.library import Library
from mcp_server.service.syncing import Head
from storage.entities import PromptFilter
from storage.errors import Conflict, PromptError, Unavailable

_LEFT: dict[Step, str] = {
    "conflict": "changed, and so did '{name}' in the library. Nothing was overwritten: "
    "put one into the other, or sync with --prefer files or --prefer library.",
    "file deleted": "deleted here, and '{name}' is still in the library. Archive it "
    "there, or delete it from " + STATE + " to have the file again.",
    "prompt gone": "'{name}' was archived or renamed in the library. Delete the file, or "
    "restore the prompt.",
}


@dataclass(frozen=True, slots=True)
class _Prompt:
    """A prompt in its file, in the library, and as both were when they were last in step."""

    name: str
    found: Found | None
    head: Head | None
    base: Base | None

    @property
    def place(self) -> str:
        """Where it is, or was, or else its name."""
        return self.found.place if self.found else self.base.place if self.base else self.name

    @property
    def said(self) -> frozenset[str]:
        """What of the metadata its file said last time."""
        return self.base.says if self.base else frozenset()

    @property
    def unsaid(self) -> frozenset[str]:
        """What of the metadata was told already that its file has no place for."""
        return self.base.unsaid if self.base else frozenset()


@dataclass(slots=True)
class SyncRun:
    """Brings a folder in step, once or again and again; what was said isn't said again."""

    folder: Path
    chosen: PromptFilter
    actor: str
    format_name: str
    prefer: str | None = None
    _said: set[str] = field(default_factory=set)

    async def once(self, library: Library) -> int:
        """Go over everything; returns how many prompts and files were left as they are."""
        state = read_state(self.folder)
        here = SyncedFolder.read(self.folder)
        for sentence in here.remarks:
            self.tell(sentence)
        heads = await library.syncing.read(self.chosen)
        try:
            return here.left + await self._bring_all(library, here, heads, state)
        finally:
            write_state(self.folder, state)

    async def _bring_all(
        self,
        library: Library,
        here: SyncedFolder,
        heads: Mapping[str, Head],
        state: dict[str, Base],
    ) -> int:
        """Bring all prompts in step, and note that in the state; returns how many weren't."""
        left = 0
        for name in sorted({*here.found, *heads, *state}):
            prompt = _Prompt(name, here.found.get(name), heads.get(name), state.get(name))
            if prompt.base is not None and prompt.base.place in here.unread:
                continue
            try:
                done = await self._bring(library, here, prompt)
            except Unavailable:
                raise
            except PromptError as error:
                self.tell(f"{prompt.place}: {error.message}")
                left += 1
            except OSError as error:
                self.tell(f"{prompt.place}: this can't be written: {error.strerror}. Look there.")
                left += 1
            else:
                state.pop(name, None)
                state |= {name: done} if done else {}
        return left

    def tell(self, sentence: str) -> None:
        """Say something on standard error, unless that was said before."""
        if sentence not in self._said:
            self._said.add(sentence)
            warn(sentence)

    async def _bring(self, library: Library, here: SyncedFolder, prompt: _Prompt) -> Base | None:
        """Bring a prompt in step; returns what it then is on both sides, None for nothing.

        Raises:
            Conflict, Invalid: it stays as it is on both sides.
        """
        step = self._step(prompt)
        if step in _LEFT:
            raise Conflict(_LEFT[step].format(name=prompt.name))
        if step in ("create", "update") and prompt.found is not None:
            return await self._take(library, prompt.found, prompt)
        if step == "write file" and prompt.head is not None:
            return self._write(here, prompt.head, prompt)
        if prompt.found is None or prompt.head is None:
            return None
        file = prompt.found.prompt
        marks = fingerprint(file), fingerprint(prompt.head.file)
        return Base(prompt.found.place, *marks, file.says, prompt.unsaid)

    def _step(self, prompt: _Prompt) -> Step:
        found, head = prompt.found, prompt.head
        here = fingerprint(found.prompt) if found else None
        there = fingerprint(head.file) if head else None
        agree = (
            found is not None and head is not None and agrees(found.prompt, head.file, prompt.said)
        )
        step = decide(prompt.base, here, there, agree=agree)
        if step == "conflict" and self.prefer is not None:
            return "update" if self.prefer == "files" else "write file"
        if step == "conflict" and prompt.base is None and found is not None and head is not None:
            found.check_holds(head.file)
        return step

    async def _take(self, library: Library, found: Found, prompt: _Prompt) -> Base:
        """Write what a file holds into the library; what it doesn't say any more, too."""
        file, head = found.prompt, prompt.head
        meant = as_meant(file, head.file) if head else file
        told = replace(meant, says=file.says | prompt.said, source=found.place)
        expected = head.version if head else None
        now = await library.syncing.write(told, by=self.actor, expected_version=expected)
        if head is None or fingerprint(now.file) != fingerprint(head.file):
            write_line(f"{found.place} → {prompt.name}@{now.version}")
        for remark in file.remarks:
            self.tell(f"{found.place}: {remark}")
        return Base(found.place, fingerprint(file), fingerprint(now.file), file.says)

    def _write(self, here: SyncedFolder, head: Head, prompt: _Prompt) -> Base:
        """Write what the library has into the prompt's file, or into a new one."""
        if prompt.found is None:
            place, new = here.write_new(head.file, self.format_name)
            changed = True
        else:
            place = prompt.found.place
            changed, new = here.rewrite(prompt.found, head.file)
        if changed:
            write_line(f"{prompt.name}@{head.version} → {place}")
        told = sorted(new.unsaid - prompt.unsaid)
        if told:
            self.tell(
                f"{place}: this format has no place for {' and '.join(told)}, which the library "
                "alone keeps. Keep the prompt in Markdown, JSON or YAML to have it here."
            )
        marks = fingerprint(new.file), fingerprint(head.file)
        return Base(place, *marks, new.file.says, new.unsaid)
