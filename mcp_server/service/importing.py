"""Import: files become prompts, and doing it again changes nothing."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from uuid import UUID

from mcp_server.domain.formats.files import PromptFile
from mcp_server.service.composing import Composer
from mcp_server.service.declaring import own_draft
from mcp_server.service.including import WouldBreak
from mcp_server.service.outcomes import (
    DEFAULTS,
    ImportResult,
    Options,
    Outcome,
    OutcomeKind,
    Report,
)
from mcp_server.service.patterns import Allowance, Patterns
from mcp_server.service.preparing import (
    Prepared,
    check_prepared,
    comparisons_of,
    history_of,
    in_order,
    names_of,
    prepare,
)
from mcp_server.service.renewing import Done, Renewing
from mcp_server.service.sight import Sight
from mcp_server.service.writing import Writer
from storage.database import Transaction
from storage.ids import new_id
from storage.values.entities import Change, History, Metadata, Origin, Prompt
from storage.values.errors import Conflict, Forbidden, Invalid, NotFound, PromptError

_BATCH = 100
_MANY = 3 * _BATCH
"""From this many prompts on, changes aren't announced one by one."""
_PATTERN_SECONDS = 0.01
"""Seconds that each prompt adds to the import's allowance for patterns; honest ones take less."""
_OF_THE_PROMPT = (Conflict, Forbidden, Invalid, NotFound)
"""Refusals that concern one prompt; the others may still go in."""
Files = Iterable[PromptFile | Invalid]


class _Undone(Exception):
    """Raised to roll a transaction or an attempt back."""


_CREATED = Done("created")


@dataclass(slots=True)
class _Run:
    """The state of one import."""

    by: str
    options: Options
    report: Report
    counts: Counter[OutcomeKind] = field(default_factory=Counter)
    sources: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, Prepared] = field(default_factory=dict)
    late: list[Prepared] = field(default_factory=list)
    is_last: bool = False
    changed: list[Change] = field(default_factory=list)
    met: set[UUID] = field(default_factory=set)
    allowance: Allowance = field(default_factory=Allowance)
    quiet: bool = False

    def tell(self, outcome: Outcome) -> None:
        """Count an outcome, and report it."""
        self.counts[outcome.kind] += 1
        self.report(outcome)

    def done(self, file: PromptFile, done: Done) -> None:
        """Report a prompt that was taken."""
        remarks = (*file.remarks, *done.remarks)
        self.tell(Outcome(file.source, file.metadata.name, done.kind, remarks=remarks))

    def miss(self, each: Prepared, error: PromptError) -> None:
        """Report a prompt that can't be taken, or keep it for another round.

        The prompts that it includes, or that it would break, may be fixed by the same import.
        """
        includes = each.file.metadata.name in self.waiting
        if not self.is_last and (includes or isinstance(error, WouldBreak)):
            self.late.append(each)
        else:
            _fail(self, each.file, error)

    def note(self, name: str, prompt_id: UUID) -> None:
        """Keep a change for this process to hear, unless it will hear that everything changed."""
        if not self.quiet:
            self.changed.append(Change("prompt", name, prompt_id))

    @property
    def fails(self) -> bool:
        """Whether failures keep the import from being written."""
        failed = self.counts["conflict"] + self.counts["refused"]
        return bool(failed) and not self.options.keep_going


class Importing:
    """Brings prompts in from files."""

    def __init__(
        self,
        sight: Sight,
        writer: Writer,
        composer: Composer,
        patterns: Patterns,
    ) -> None:
        self._sight = sight
        self._writer = writer
        self._composer = composer
        self._renewing = Renewing(writer, composer)
        self._patterns = patterns

    async def bring_in(
        self,
        files: Files,
        *,
        options: Options = DEFAULTS,
        report: Report = lambda outcome: None,
    ) -> ImportResult:
        """Bring in the prompts of files in one transaction, holding a few in memory at a time.

        Content that a prompt has or once had isn't written, so importing an old file again never
        overrides newer versions. A new prompt gets the labels of its file; existing labels move
        only with `move_labels`. A change that would break including prompts is refused unless it
        is forced.

        Raises:
            Forbidden: the caller may only read.
            Unavailable: the database can't be reached, or went away in between.
            Conflict: another writer created a prompt of the same name meanwhile.
        """
        run = _Run(self._writer.author, options, report)
        try:
            async with self._writer.transaction("import_prompts") as tx:
                await self._bring_in_all(tx, iter(files), run)
                if options.dry_run or run.fails:
                    raise _Undone
                if run.quiet:
                    await tx.bulk.announce_everything()
        except _Undone:
            return ImportResult(run.counts, False)
        if run.quiet:
            self._writer.hear(Change("everything"))
        for change in run.changed:
            self._writer.hear(change)
        return ImportResult(run.counts, True)

    async def _bring_in_all(
        self, tx: Transaction, files: Iterator[PromptFile | Invalid], run: _Run
    ) -> None:
        size = _MANY
        while True:
            # Parsing files would block the event loop.
            batch = await asyncio.to_thread(prepare, files, size, run.by)
            if size == _MANY and len(batch) == size:
                run.quiet = True
                await tx.bulk.announce_at_the_end()
            checked = [await self._judge(each, run) for each in batch]
            await self._bring_in_batch(tx, _accepted(checked, run), run)
            if len(batch) < size:
                break
            size = _BATCH
        pending = [*in_order(run.waiting), *run.late]
        while pending:
            run.late = []
            for each in pending:
                await self._bring_in_alone(tx, each, run)
            # A round may take what others wait for; after one that takes nothing, failures count.
            run.is_last = len(run.late) == len(pending)
            pending = run.late

    async def _judge(self, each: Prepared | Invalid, run: _Run) -> Prepared | Invalid:
        """Return a prompt, or an error if its arguments have patterns that can't be used."""
        if isinstance(each, Invalid):
            return each
        run.allowance.add(_PATTERN_SECONDS)
        verdicts = await self._patterns.judge(comparisons_of(each), run.allowance)
        return check_prepared(each, verdicts)

    async def _bring_in_batch(self, tx: Transaction, batch: Sequence[Prepared], run: _Run) -> None:
        names = [name for each in batch for name in names_of(each.file)]
        present = await tx.bulk.find(names, lock=True)
        ids = {prompt.id for prompt in present.values()}
        origins = await tx.bulk.origins(ids) if ids else {}
        included = await tx.includes.included(ids) if ids else frozenset()
        new = []
        for each in batch:
            file = each.file
            prompt = present.get(file.metadata.name)
            try:
                if prompt is None:
                    self._check_new(file, present)
                    prompt_id = new_id()
                    new.append((prompt_id, file.metadata, each.history))
                    run.note(file.metadata.name, prompt_id)
                    run.done(file, _CREATED)
                else:
                    renew = self._renew_kept if prompt.id in included else self._renew
                    run.done(file, await renew(tx, prompt, origins[prompt.id], file, run))
            except _OF_THE_PROMPT as error:
                run.miss(each, error)
        await self._insert(tx, new)

    async def _bring_in_alone(self, tx: Transaction, each: Prepared, run: _Run) -> None:
        """Bring in a single prompt, after those that it may include."""
        file = each.file
        try:
            async with tx.attempt():
                by_name = await tx.bulk.find(names_of(file), lock=True)
                present = by_name.get(file.metadata.name)
                if file.composed:
                    name, draft = file.metadata.name, file.draft
                    draft = await own_draft(tx, self._composer, name, draft, present)
                    file = replace(file, draft=draft)
                if present is None:
                    self._check_new(file, by_name)
                    history = history_of(file, run.by) if file.composed else each.history
                    await self._create_including(tx, file.metadata, history, run)
                    done = _CREATED
                else:
                    origins = await tx.bulk.origins([present.id])
                    included = await tx.includes.included([present.id])
                    renew = self._renew_kept if included else self._renew
                    done = await renew(tx, present, origins[present.id], file, run)
        except _OF_THE_PROMPT as error:
            run.miss(each, error)
        else:
            run.done(file, done)

    def _check_new(self, file: PromptFile, present: Mapping[str, Prompt]) -> None:
        self._writer.check_stays(file.metadata)
        former = next((name for name in names_of(file) if name in present), None)
        if former is not None:
            raise Conflict(
                f"'{file.metadata.name}' was called '{former}' once, which is the name of another "
                "prompt here. Take it out of 'former_names'."
            )

    async def _insert(self, tx: Transaction, new: Sequence[tuple[UUID, Metadata, History]]) -> None:
        await tx.bulk.insert(new)
        moves = [(prompt_id, move) for prompt_id, _, history in new for move in history.moves]
        await self._writer.labelling.record(tx, moves)
        await tx.bulk.begin_branches(new)

    async def _create_including(
        self, tx: Transaction, metadata: Metadata, history: History, run: _Run
    ) -> None:
        prompt_id = new_id()
        run.note(metadata.name, prompt_id)
        await self._insert(tx, [(prompt_id, metadata, history)])
        await self._renewing.record_includes(
            tx, prompt_id, metadata.name, history, history.versions
        )

    async def _renew_kept(
        self,
        tx: Transaction,
        present: Prompt,
        origins: Mapping[int, Origin],
        file: PromptFile,
        run: _Run,
    ) -> Done:
        """Update a prompt that others include, unless that would break them.

        They are looked up only if the prompt changes, which a first run, rolled back, finds out.
        """
        with suppress(_Undone):
            async with tx.attempt():
                done = await self._renew(tx, present, origins, file, run)
                if done.kind == "unchanged":
                    return done
                run.met.discard(present.id)
                raise _Undone
        # Only the last round forces: until then the import itself may repair what it breaks.
        force = run.options.force and run.is_last
        try:
            async with (
                tx.attempt(),
                self._writer.includers.kept(tx, present, force=force) as broken,
            ):
                done = await self._renew(tx, present, origins, file, run)
        except WouldBreak:
            run.met.discard(present.id)
            raise
        return replace(done, remarks=(*done.remarks, *broken.warnings))

    async def _renew(
        self,
        tx: Transaction,
        present: Prompt,
        origins: Mapping[int, Origin],
        file: PromptFile,
        run: _Run,
    ) -> Done:
        """Update an existing prompt from a file."""
        if not self._sight.shows(present):
            raise Conflict(f"The name '{file.metadata.name}' is taken. Choose another one.")
        if present.id in run.met:
            raise Conflict(
                f"'{file.metadata.name}' is '{present.name}' here, which is in this import "
                "already. Leave one of them out."
            )
        if present.archived_at is not None:
            return Done("unchanged")
        if file.history is None:
            done = await self._renewing.renew_text(tx, present, origins, file)
        else:
            done = await self._renewing.renew_history(tx, present, origins, file, file.history)
        if run.options.move_labels:
            moved = await self._renewing.move_labels(tx, present, file, done.version)
            done = replace(done, kind="updated") if moved and done.kind == "unchanged" else done
        run.met.add(present.id)
        if done.kind != "unchanged":
            run.note(present.name, present.id)
        return done


def _accepted(batch: Iterable[Prepared | Invalid], run: _Run) -> list[Prepared]:
    """Return the prompts to bring in now; report refusals, and defer prompts with includes."""
    accepted = []
    for each in batch:
        if isinstance(each, Invalid):
            place = each.message.partition(": ")[0]
            run.tell(Outcome(place, None, "refused", each.message))
            continue
        file = each.file
        name = next((name for name in names_of(file) if name in run.sources), file.metadata.name)
        first = run.sources.get(name, file.source)
        run.sources |= dict.fromkeys(names_of(file), file.source)
        if first != file.source:
            _fail(
                run,
                file,
                Conflict(
                    f"The name '{name}' is taken by {first} in this import. Give one of them "
                    "another name, or leave one out where they are versions of one prompt."
                ),
            )
        elif any(version.includes for version in each.history.versions):
            run.waiting[file.metadata.name] = each
        else:
            accepted.append(each)
    return accepted


def _fail(run: _Run, file: PromptFile, error: PromptError) -> None:
    kind: OutcomeKind = "conflict" if isinstance(error, Conflict) else "refused"
    message = f"{file.source}: {error.message}"
    run.tell(Outcome(file.source, file.metadata.name, kind, message))
