"""Sync runs: every prompt of a folder and of the library is compared and brought in step."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from mcp_server.cli.sync_reports import SyncReport
from mcp_server.cli.sync_states import State, read_state, write_state
from mcp_server.cli.synced_folders import SyncedFolder
from mcp_server.cli.synced_prompts import SyncedPrompt, remarks_on
from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.formats.rewriting import agrees, as_meant, speaks_of
from mcp_server.domain.syncing import Base, Step, decide, fingerprint
from mcp_server.schemas.syncing import SyncKind
from mcp_server.service.library import Library
from mcp_server.service.syncing import Away, Head
from storage.values.entities import PromptFilter
from storage.values.errors import PromptError, Unavailable

_BATCH = 50
"""Prompts looked up at once, of those that only the folder has."""


@dataclass(slots=True)
class SyncRun:
    """Brings a folder in step, once or repeatedly.

    No text stays in memory once it is compared; of all files, only fingerprints do.
    """

    folder: Path
    chosen: PromptFilter
    format_name: str
    prefer: str | None = None
    force: bool = False
    report: SyncReport = field(default_factory=SyncReport)
    _unasked: int = 0
    _refused: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By name, the place of each prompt that is left as it is, and the reason."""

    async def once(self, library: Library) -> int:
        """Sync everything; return the number of prompts and files left as they are."""
        self._unasked = 0
        self._refused = {}
        state = read_state(self.folder)
        here = SyncedFolder.read(self.folder)
        for sentence in here.remarks:
            self.report.remark(sentence)
        left = here.left
        try:
            await self._bring_all(library, here, state)
        finally:
            write_state(self.folder, state)
            for name, (place, reason) in self._refused.items():
                self.report.left(place, name, reason)
            left += len(self._refused)
            self.report.end(left, self._unasked)
        return left

    async def _bring_all(self, library: Library, here: SyncedFolder, state: State) -> None:
        """Bring all prompts in step, a few at a time."""
        met: set[str] = set()
        async for heads in library.syncing.pages(self.chosen):
            await self._bring_some(library, here, heads, heads, state)
            met.update(heads)
        await self._bring_named(library, here, {*here.found, *state} - met, state)
        # A refused prompt may include one that was taken after it, so retry while that helps.
        before = 0
        while len(self._refused) != before:
            before = len(self._refused)
            await self._bring_named(library, here, tuple(self._refused), state)

    async def _bring_named(
        self, library: Library, here: SyncedFolder, names: Iterable[str], state: State
    ) -> None:
        left = iter(sorted(names))
        while some := list(islice(left, _BATCH)):
            there = await library.syncing.find(some, self.chosen)
            await self._bring_some(library, here, some, there, state)

    async def _bring_some(
        self,
        library: Library,
        here: SyncedFolder,
        names: Iterable[str],
        there: Mapping[str, Head | Away],
        state: State,
    ) -> None:
        """Bring prompts in step; note each in the state, or the reason for leaving it."""
        for name in names:
            prompt = SyncedPrompt(name, here.found.get(name), there.get(name), state.get(name))
            if prompt.base is not None and prompt.base.place in here.unread:
                continue
            if not prompt.is_asked_for:
                self._unasked += prompt.found is not None
                continue
            try:
                base = await self._bring(library, here, prompt)
            except Unavailable:
                raise
            except PromptError as error:
                self._refused[name] = (prompt.place, error.message)
            except OSError as error:
                reason = f"this can't be written: {error.strerror}. Look there."
                self._refused[name] = (prompt.place, reason)
            else:
                self._refused.pop(name, None)
                state.pop(name, None)
                state |= {name: base} if base else {}

    async def _bring(
        self, library: Library, here: SyncedFolder, prompt: SyncedPrompt
    ) -> Base | None:
        """Bring a prompt in step; return its new base, or None if it has none.

        Raises:
            Conflict, Invalid: the prompt is left as it is on both sides.
        """
        settled = prompt.settled()
        if settled is not None and settled == prompt.base:
            return settled
        file = None if prompt.found is None else here.open(prompt.found)
        step = self._step(here, prompt, file)
        prompt.check(step)
        if step == "create" and file and not library.syncing.asks_for(self.chosen, file.metadata):
            self._unasked += 1
            return None
        if step in ("create", "update") and file is not None:
            return await self._bring_in(library, file, prompt)
        if step == "write file" and prompt.head is not None:
            return self._write(here, prompt.head, file, prompt)
        if file is not None and prompt.head is not None and prompt.is_file_new:
            remarks = remarks_on(file)
            self.report.done(prompt.place, prompt.name, "in step", prompt.head.version, remarks)
        return settled

    def _step(self, here: SyncedFolder, prompt: SyncedPrompt, file: PromptFile | None) -> Step:
        found, head, base = prompt.found, prompt.head, prompt.base
        ours = found.fingerprint if found else None
        theirs = head.fingerprint if head else None
        agree = bool(file and head and agrees(file, head.file, speaks_of(file, prompt.said)))
        step = decide(base, ours, theirs, agree=agree)
        if step == "conflict" and self.prefer is not None:
            return "update" if self.prefer == "files" else "write file"
        if step == "conflict" and base is None and found and file and head:
            here.check_holds(found, file, head.file)
        return step

    async def _bring_in(self, library: Library, file: PromptFile, prompt: SyncedPrompt) -> Base:
        """Write a file's prompt into the library, and clear the fields that the file dropped."""
        head = prompt.head
        meant = as_meant(file, head.file) if head else file
        incoming = replace(meant, says=speaks_of(file, prompt.said), source=prompt.place)
        expected = head.version if head else None
        written_head, broken = await library.syncing.write(
            incoming, expected_version=expected, force=self.force
        )
        fingerprints = fingerprint(file), written_head.fingerprint
        changed = head is None or written_head.fingerprint != head.fingerprint
        kind: SyncKind = "taken" if changed else "in step"
        self.report.done(
            prompt.place,
            prompt.name,
            kind,
            written_head.version,
            list(dict.fromkeys([*remarks_on(file), *broken])),
        )
        return Base(prompt.place, *fingerprints, file.says)

    def _write(
        self, here: SyncedFolder, head: Head, file: PromptFile | None, prompt: SyncedPrompt
    ) -> Base:
        """Write the library's prompt into its file, or into a new one."""
        if prompt.found is None or file is None:
            place, rewritten = here.write_new(head.file, self.format_name)
            changed = True
        else:
            place = prompt.found.place
            changed, rewritten = here.rewrite(prompt.found, file, head.file)
        losses = sorted(rewritten.unsaid - prompt.unsaid)
        remarks = [
            f"this format has no place for {' and '.join(losses)}, which the library alone keeps. "
            "Keep the prompt in Markdown, JSON or YAML to have it here."
        ]
        kind: SyncKind = "written" if changed else "in step"
        self.report.done(place, prompt.name, kind, head.version, remarks if losses else ())
        fingerprints = fingerprint(rewritten.file), head.fingerprint
        return Base(place, *fingerprints, rewritten.file.says, rewritten.unsaid)
