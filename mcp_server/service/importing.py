"""Import: files become prompts, and doing it again changes nothing."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from mcp_server.domain.drafts import content_hash
from mcp_server.domain.formats.files import PromptFile
from mcp_server.service.catalog import Catalog
from mcp_server.service.composing import Composer
from mcp_server.service.declaring import own_draft
from mcp_server.service.labelling import move_labels
from mcp_server.service.outcomes import DEFAULTS, Kind, Options, Outcome, Report, Taken
from mcp_server.service.patterns import Allowance, Patterns
from mcp_server.service.preparing import (
    Prepared,
    check_prepared,
    comparisons_of,
    history_of,
    in_order,
    names_of,
    note_of,
    prepare,
)
from mcp_server.service.scope import Scope
from mcp_server.service.writing import Writer, metadata_of
from storage.bulk import Trace
from storage.database import Database, Transaction
from storage.entities import Change, History, Metadata, Prompt, Version
from storage.errors import Conflict, Forbidden, Invalid, NotFound, PromptError
from storage.ids import new_id

_BATCH = 100
_MANY = 3 * _BATCH
"""From so many prompts on, changes aren't told of one by one."""
_PATTERN_SECONDS = 0.01
"""What a prompt adds to the time that the patterns of an import may take: honest ones take less."""
_OF_THE_PROMPT = (Conflict, Forbidden, Invalid, NotFound)
"""Refusals that concern one prompt; the others may still go in."""
Files = Iterable[PromptFile | Invalid]


class _Undone(Exception):
    """Nothing of the transaction is to be kept."""


@dataclass(frozen=True, slots=True)
class _Done:
    """What became of a prompt, which of its versions has a file's one text, and what to remark."""

    kind: Kind
    version: int = 1
    remarks: tuple[str, ...] = ()


_CREATED = _Done("created")


@dataclass(slots=True)
class _Run:
    """One import under way."""

    by: str
    options: Options
    report: Report
    counts: Counter[Kind] = field(default_factory=Counter)
    sources: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, Prepared] = field(default_factory=dict)
    changed: list[Change] = field(default_factory=list)
    met: set[UUID] = field(default_factory=set)
    allowance: Allowance = field(default_factory=Allowance)
    quiet: bool = False

    def tell(self, outcome: Outcome) -> None:
        """Count what becomes of a prompt, and report it."""
        self.counts[outcome.kind] += 1
        self.report(outcome)

    def done(self, file: PromptFile, done: _Done) -> None:
        """Tell what became of a prompt that was taken."""
        remarks = (*file.remarks, *done.remarks)
        self.tell(Outcome(file.source, file.metadata.name, done.kind, remarks=remarks))

    def note(self, name: str, prompt_id: UUID) -> None:
        """Keep what this process has to forget, unless it will forget everything."""
        if not self.quiet:
            self.changed.append(Change("prompt", name, prompt_id))

    @property
    def fails(self) -> bool:
        """Whether nothing is to be written because of what can't be taken."""
        failed = self.counts["conflict"] + self.counts["refused"]
        return bool(failed) and not self.options.keep_going


class Importing:
    """Brings prompts in from files."""

    def __init__(
        self,
        database: Database,
        catalog: Catalog,
        writer: Writer,
        composer: Composer,
        patterns: Patterns,
        scope: Scope,
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._writer = writer
        self._composer = composer
        self._patterns = patterns
        self._scope = scope

    async def take(
        self,
        files: Files,
        *,
        by: str,
        options: Options = DEFAULTS,
        report: Report = lambda outcome: None,
    ) -> Taken:
        """Bring the prompts of a file in, all in one transaction, a few at a time in memory.

        Content that a prompt has, or had before, writes nothing: importing an old file again never
        overrides what came after it. A prompt that is new gets the labels that its file has; the
        labels of others stay where they are.

        Raises:
            Forbidden: this server only reads.
            Unavailable: the database can't be reached, or went away in between.
            Conflict: somebody created a prompt of the same name meanwhile.
        """
        self._scope.check_writable()
        run = _Run(by, options, report)
        try:
            async with self._database.transaction() as tx:
                await self._take_all(tx, iter(files), run)
                if options.dry_run or run.fails:
                    raise _Undone
                if run.quiet:
                    await tx.bulk.announce_everything()
        except _Undone:
            return Taken(run.counts, False)
        if run.quiet:
            self._catalog.hear(Change("everything"))
        for change in run.changed:
            self._catalog.hear(change)
        return Taken(run.counts, True)

    async def _take_all(
        self, tx: Transaction, files: Iterator[PromptFile | Invalid], run: _Run
    ) -> None:
        size = _MANY
        while True:
            # Reading files is work for the processor, and others wait for this loop.
            batch = await asyncio.to_thread(prepare, files, size, run.by)
            if size == _MANY and len(batch) == size:
                run.quiet = True
                await tx.bulk.be_quiet()
            judged = [await self._judge(each, run) for each in batch]
            await self._take_batch(tx, _accepted(judged, run), run)
            if len(batch) < size:
                break
            size = _BATCH
        for each in in_order(run.waiting):
            await self._take_alone(tx, each, run)

    async def _judge(self, each: Prepared | Invalid, run: _Run) -> Prepared | Invalid:
        """Refuse a prompt whose arguments have patterns that can't be used."""
        if isinstance(each, Invalid):
            return each
        run.allowance.add(_PATTERN_SECONDS)
        verdicts = await self._patterns.judge(comparisons_of(each), run.allowance)
        return check_prepared(each, verdicts)

    async def _take_batch(self, tx: Transaction, batch: Sequence[Prepared], run: _Run) -> None:
        names = [name for each in batch for name in names_of(each.file)]
        present = await tx.bulk.find(names, lock=True)
        traces = await tx.bulk.trace({prompt.id for prompt in present.values()}) if present else {}
        new = []
        for each in batch:
            file = each.file
            prompt = present.get(file.metadata.name)
            try:
                if prompt is None:
                    self._check_new(file, present)
                    key = new_id()
                    new.append((key, file.metadata, each.history))
                    run.note(file.metadata.name, key)
                    run.done(file, _CREATED)
                else:
                    run.done(file, await self._renew(tx, prompt, traces[prompt.id], file, run))
            except _OF_THE_PROMPT as error:
                _fail(run, file, error)
        await tx.bulk.insert(new)

    async def _take_alone(self, tx: Transaction, each: Prepared, run: _Run) -> None:
        """Take a prompt that includes others, once those are there."""
        file = each.file
        try:
            async with tx.connection.begin_nested():
                found = await tx.bulk.find(names_of(file), lock=True)
                present = found.get(file.metadata.name)
                if file.composed:
                    name, draft = file.metadata.name, file.draft
                    draft = await own_draft(tx, self._composer, name, draft, present)
                    file = replace(file, draft=draft)
                if present is None:
                    self._check_new(file, found)
                    history = history_of(file, run.by) if file.composed else each.history
                    await self._create_including(tx, file.metadata, history, run)
                    done = _CREATED
                else:
                    traces = await tx.bulk.trace([present.id])
                    done = await self._renew(tx, present, traces[present.id], file, run)
        except _OF_THE_PROMPT as error:
            _fail(run, file, error)
        else:
            run.done(file, done)

    def _check_new(self, file: PromptFile, present: Mapping[str, Prompt]) -> None:
        self._scope.check_stays_inside(file.metadata)
        taken = next((name for name in names_of(file) if name in present), None)
        if taken is not None:
            raise Conflict(
                f"'{file.metadata.name}' was called '{taken}' once, which is the name of another "
                "prompt here. Take it out of 'former_names'."
            )

    async def _create_including(
        self, tx: Transaction, said: Metadata, history: History, run: _Run
    ) -> None:
        key = new_id()
        run.note(said.name, key)
        await tx.bulk.insert([(key, said, history)])
        await self._record_includes(tx, key, said.name, history, history.versions)

    async def _record_includes(
        self, tx: Transaction, key: UUID, name: str, history: History, new: Iterable[Version]
    ) -> None:
        """Keep what versions include. Only what is in use has to lead somewhere."""
        used = {branch.head for branch in history.branches} | {*history.labels.values()}
        for version in new:
            if not version.includes:
                continue
            if version.version in used:
                included = await self._composer.check(tx, name, key, version.draft)
                edges = included.edges
            else:
                edges = await self._composer.edges(tx, version.draft)
            await tx.includes.record(key, version.version, edges)

    async def _renew(
        self,
        tx: Transaction,
        present: Prompt,
        traces: Mapping[int, Trace],
        file: PromptFile,
        run: _Run,
    ) -> _Done:
        """Bring a prompt that is there up to what a file says."""
        if not self._scope.admits(present):
            raise Conflict(f"The name '{file.metadata.name}' is taken. Choose another one.")
        if present.id in run.met:
            raise Conflict(
                f"'{file.metadata.name}' is '{present.name}' here, which is in this import "
                "already. Leave one of them out."
            )
        run.met.add(present.id)
        if present.archived_at is not None:
            return _Done("unchanged")
        if file.history is None:
            done = await self._renew_text(tx, present, traces, file, run.by)
        else:
            done = await self._renew_history(tx, present, traces, file, file.history)
        if run.options.move_labels and await move_labels(tx, present, file, done.version, run.by):
            done = replace(done, kind="updated") if done.kind == "unchanged" else done
        if done.kind != "unchanged":
            run.note(present.name, present.id)
        return done

    async def _renew_text(
        self,
        tx: Transaction,
        present: Prompt,
        traces: Mapping[int, Trace],
        file: PromptFile,
        by: str,
    ) -> _Done:
        said = metadata_of(present)
        merged = _merged(said, file)
        wanted = content_hash(file.draft)
        known = max((n for n, trace in traces.items() if trace.content_hash == wanted), default=0)
        if known and known != present.latest_version:
            return _Done("unchanged", known, (_older(present.name, known),))
        if known and merged == said:
            return _Done("unchanged", known)
        self._scope.check_stays_inside(merged)
        if merged != said:
            await tx.prompts.update(present.id, merged)
        if known:
            return _Done("updated", known)
        await self._writer.append(
            tx,
            present.id,
            merged,
            file.draft,
            parent=present.latest_version,
            by=file.created_by or by,
            commit_message=note_of(file),
        )
        return _Done("new version", present.last_version + 1)

    async def _renew_history(
        self,
        tx: Transaction,
        present: Prompt,
        traces: Mapping[int, Trace],
        file: PromptFile,
        history: History,
    ) -> _Done:
        for version in history.versions:
            trace = traces.get(version.version)
            if trace is not None and trace != _trace(version):
                raise Conflict(
                    f"Version {version.version} of '{present.name}' is another one here than in "
                    "the file: both were written since they parted. Rename the prompt in the file, "
                    "or import its newest text alone."
                )
        said, merged = metadata_of(present), replace(file.metadata, name=present.name)
        newest = len(history.versions)
        if newest < present.last_version or (newest == present.last_version and merged == said):
            return _Done("unchanged")
        self._scope.check_stays_inside(merged)
        if merged != said:
            await tx.prompts.update(present.id, merged)
        if newest == present.last_version:
            return _Done("updated")
        moved = tuple(
            each for each in history.branches if each.head > present.branches.get(each.branch, 0)
        )
        await tx.bulk.go_on(present.id, replace(history, branches=moved), present.last_version)
        new = history.versions[present.last_version :]
        await self._record_includes(tx, present.id, present.name, history, new)
        return _Done("new version")


def _accepted(batch: Iterable[Prepared | Invalid], run: _Run) -> list[Prepared]:
    """Return what can be taken at once; what includes others waits until those are there."""
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
    kind: Kind = "conflict" if isinstance(error, Conflict) else "refused"
    message = f"{file.source}: {error.message}"
    run.tell(Outcome(file.source, file.metadata.name, kind, message))


def _trace(version: Version) -> Trace:
    return Trace(version.content_hash, version.branch, version.parent, version.merged_from)


def _older(name: str, version: int) -> str:
    return (
        f"Its text is version {version} of '{name}', and not the newest: nothing is changed. "
        f"Restore '{name}@{version}' to have it back."
    )


def _merged(present: Metadata, file: PromptFile) -> Metadata:
    """Let the file decide what it says something about; the rest stays as it is."""
    return replace(present, **{name: getattr(file.metadata, name) for name in file.says - {"name"}})
