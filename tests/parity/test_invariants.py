"""Whatever several writers do, in any order and at once, the library stays whole.

Versions are numbered without a gap and never change, labels and branches point at what is there,
hashes are those of the contents, and every door gives one answer to a reference.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace
from itertools import count
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from mcp_server.domain.drafts import content_hash
from mcp_server.domain.formats.registry import FORMATS, read_file
from mcp_server.service.inputs import PromptInput
from mcp_server.service.library import Library
from mcp_server.service.outcomes import Options
from mcp_server.service.readers import Reader
from mcp_server.service.terms import Terms
from storage.connectors import UrlConnector
from storage.database import Database
from storage.notifications import Listener
from storage.values.entities import MAIN, PromptFilter
from storage.values.errors import PromptError
from tests.parity.doors import ACTOR, CliDoor, McpDoor, RestDoor
from tests.support.effort import examples
from tests.support.seeing import as_, seen

WRITERS = 3
NAMES = 3
_LABELS = ("production", "staging", "trial")
_BRANCHES = (MAIN, "terse", "long")
_TEXT = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n"
_TEXTS = (
    _TEXT,
    _TEXT.replace("one", "ONE"),
    _TEXT.replace("eight", "EIGHT {{a}}"),
    _TEXT.replace("four", "4"),
)

numbers = st.integers(0, NAMES - 1)
versions = st.integers(1, 5)
texts = st.sampled_from([*_TEXTS, "{{> other}} and more"])
branches = st.sampled_from(_BRANCHES)
labels = st.sampled_from(_LABELS)
OPERATIONS = st.one_of(
    st.tuples(st.just("create"), numbers, texts),
    st.tuples(st.just("update"), numbers, texts, branches),
    st.tuples(st.just("update"), numbers, texts, branches),
    st.tuples(st.just("describe"), numbers, st.sampled_from(("", "A title"))),
    st.tuples(st.just("branch"), numbers, branches, versions),
    st.tuples(st.just("unbranch"), numbers, branches),
    st.tuples(st.just("merge"), numbers, st.just("terse"), st.sampled_from((MAIN, "long"))),
    st.tuples(st.just("merge"), numbers, st.just("terse"), st.just(MAIN)),
    st.tuples(st.just("label"), numbers, labels, versions),
    st.tuples(st.just("share"), numbers, labels, versions, versions),
    st.tuples(st.just("unlabel"), numbers, labels),
    st.tuples(st.just("restore"), numbers, versions, branches),
    st.tuples(st.just("archive"), numbers, st.sampled_from((True, True, False))),
    st.tuples(st.just("rename"), numbers),
    st.tuples(st.just("copy"), numbers, numbers, st.booleans()),
    st.tuples(st.just("take"), numbers, texts, st.booleans()),
    st.tuples(st.just("take back"), st.booleans(), st.booleans()),
)


class Writers(RuleBasedStateMachine):
    """A few writers with libraries of their own on one database."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.runner = asyncio.Runner()
        self.prefix = f"p{uuid4().hex[:8]}"
        self.counter = count()
        self.seen: dict[tuple[object, int], str] = {}
        self.exported = ""
        self.databases = [self._run(_open(url)) for _ in range(WRITERS)]
        self.libraries = [seen(database) for database in self.databases]

    @initialize()
    def begin(self):
        """Begin with prompts that have a little history, and branches that parted."""

        async def each(number):
            library = self.libraries[number % WRITERS]
            for operation in (
                ("create", number, _TEXTS[0]),
                ("update", number, _TEXTS[3], MAIN),
                ("branch", number, "terse", 1),
                ("update", number, _TEXTS[1], "terse"),
            ):
                await self._try(library, operation)

        for number in range(NAMES - 1):
            self._run(each(number))

    @rule(operation=OPERATIONS, writer=st.integers(0, WRITERS - 1))
    def one(self, operation, writer):
        self._run(self._try(self.libraries[writer], operation))

    @rule(operations=st.lists(OPERATIONS, min_size=2, max_size=5))
    def at_once(self, operations):
        async def all_of_them():
            await asyncio.gather(
                *(
                    self._try(self.libraries[number % WRITERS], operation)
                    for number, operation in enumerate(operations)
                )
            )

        self._run(all_of_them())

    @rule()
    def export(self):
        self.exported = self._run(self._export())

    @invariant()
    def is_whole(self):
        self._run(self._check())

    def teardown(self):
        try:
            self._compare_doors()
        finally:
            for database in self.databases:
                self._run(database.close())
            self.runner.close()

    def _run(self, work):
        return self.runner.run(work)

    def _name(self, number: int) -> str:
        return f"{self.prefix}-{number}"

    async def _try(self, library: Library, operation) -> None:
        kind, *rest = operation
        with suppress(PromptError):
            await getattr(self, f"_{kind.replace(' ', '_')}")(library, *rest)

    async def _at(self, library, number: int, version: int) -> str:
        """Return a reference to a version that there probably is."""
        newest = (await library.prompts.get(f"{self._name(number)}@latest")).prompt.last_version
        return f"{self._name(number)}@{(version - 1) % newest + 1}"

    def _text(self, number: int, text: str) -> PromptInput:
        return PromptInput(template=text.replace("other", self._name((number + 1) % NAMES)))

    async def _create(self, library, number, text):
        await library.prompts.create(self._name(number), self._text(number, text))

    async def _update(self, library, number, text, branch):
        written = self._text(number, text)
        await as_("bob", library).prompts.update(self._name(number), written, branch=branch)

    async def _describe(self, library, number, title):
        await as_("bob", library).prompts.update(self._name(number), PromptInput(title=title))

    async def _branch(self, library, number, branch, version):
        await library.branches.create(await self._at(library, number, version), branch)

    async def _unbranch(self, library, number, branch):
        await library.branches.delete(self._name(number), branch)

    async def _merge(self, library, number, branch, into):
        await as_("eve", library).branches.merge(self._name(number), branch, into=into)

    async def _label(self, library, number, label, version):
        await as_("eve", library).labels.set(await self._at(library, number, version), label)

    async def _share(self, library, number, label, one, other):
        await as_("eve", library).labels.set(self._name(number), label, {one: 9, other: 1})

    async def _unlabel(self, library, number, label):
        await as_("eve", library).labels.remove(self._name(number), label)

    async def _restore(self, library, number, version, branch):
        reference = await self._at(library, number, version)
        await library.versions.restore(reference, branch=branch)

    async def _archive(self, library, number, restore):
        await library.prompts.archive(self._name(number), restore=restore, terms=Terms(force=True))

    async def _rename(self, library, number):
        new = f"{self.prefix}-new-{next(self.counter)}"
        await library.prompts.update(self._name(number), PromptInput(), new_name=new)

    async def _copy(self, library, source, target, with_history):
        await library.prompts.copy(
            self._name(source), self._name(target), PromptInput(),
            with_history=with_history,
        )  # fmt: skip

    async def _take(self, library, number, text, keep_going):
        written = FORMATS["markdown"].writer()
        (file,) = read_file("a.json", '{"name": "x", "template": "x"}')
        draft = file.draft
        message = replace(draft.messages[0], content=replace(draft.messages[0].content, text=text))
        said = replace(file.metadata, name=self._name(number))
        file = replace(file, metadata=said, draft=replace(draft, messages=(message,), arguments=()))
        files = read_file("a.md", written(file).text)
        await as_("kim", library).importing.bring_in(files, options=Options(keep_going=keep_going))

    async def _take_back(self, library, keep_going, move_labels):
        options = Options(keep_going=keep_going, move_labels=move_labels)
        await as_("kim", library).importing.bring_in(
            read_file("a.jsonl", self.exported), options=options
        )

    async def _export(self) -> str:
        write = FORMATS["jsonl"].writer()
        found = self.libraries[0].exporting.read(PromptFilter(), history=True)
        return "\n".join(
            [write(file).text async for file in found if file.metadata.name.startswith(self.prefix)]
        )

    async def _check(self):
        async with self.databases[0].reading() as tx:
            names = [self._name(number) for number in range(NAMES)]
            prompts = {prompt.id: prompt for prompt in (await tx.bulk.find(names)).values()}
            histories = await tx.bulk.read_histories(list(prompts))
        for key, history in histories.items():
            prompt = prompts[key]
            there = [version.version for version in history.versions]
            assert there == list(range(1, prompt.last_version + 1))
            heads = {branch.branch: branch.head for branch in history.branches}
            assert heads == prompt.branches
            assert MAIN in heads
            assert {*heads.values(), *prompt.labels.values()} <= set(there)
            for weights in prompt.weights.values():
                assert set(weights) <= set(there)
            assert prompt.served_version == prompt.labels.get("production", heads[MAIN])
            for version in history.versions:
                assert version.content_hash == content_hash(version.draft)
                kept = self.seen.setdefault((key, version.version), repr(version))
                assert kept == repr(version)

    def _compare_doors(self):
        doors = (McpDoor(self.url), RestDoor(self.url), CliDoor(self.url))
        points = ["", "@latest", "@1", "@staging", "@branch:terse"]
        references = [f"{self._name(number)}{point}" for number in (0, 1) for point in points]
        heard = self._run(self._hear(references))
        for reference in references:
            answers = [door.ask("get_prompt", reference=reference) for door in doors]
            assert answers[0] == answers[1] == answers[2], reference
            entity = answers[0].entity
            assert heard[reference] == (entity["version"] if entity else answers[0].kind)

    async def _hear(self, references):
        """Return the version of each, as a server that remembers what it read gives it."""
        connector = UrlConnector(self.url)
        database = Database(connector)
        library: Library
        listener = Listener(connector, lambda change: library.core.hear(change), database.notify)
        library = seen(database, is_hearing=lambda: listener.listening)
        await listener.start()
        running = asyncio.create_task(listener.run())
        found = {}
        # As the doors read: where a label is shared out, another key may be given another version.
        reader = Reader(None, ACTOR)
        try:
            for _ in range(2):  # read, then remembered
                for reference in references:
                    try:
                        found[reference] = (
                            await library.prompts.get(reference, reader)
                        ).version.version
                    except PromptError as refusal:
                        found[reference] = _kind(refusal)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await database.close()
        return found


async def _open(url: str) -> Database:
    return Database(UrlConnector(url), pool_size=3)


def _kind(refusal: PromptError) -> str:
    return {"NotFound": "not_found"}.get(type(refusal).__name__, type(refusal).__name__.lower())


@pytest.mark.slow
def test_no_sequence_of_operations_breaks_the_library(database_url):
    run_state_machine_as_test(
        lambda: Writers(database_url),
        settings=settings(
            max_examples=examples(6),
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
