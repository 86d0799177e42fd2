"""The one path on which versions are written: lock, compare, append, announce."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from uuid import UUID

from mcp_server.domain.drafts import content_hash
from mcp_server.domain.names import name_warning
from mcp_server.domain.references import BRANCH_PREFIX, branch_head
from mcp_server.domain.templates.lookalikes import remarks_on_blanks
from mcp_server.domain.texts import check_text
from mcp_server.service.callers import Caller
from mcp_server.service.composing import Composer
from mcp_server.service.finding import Finder
from mcp_server.service.including import Broken, Includers
from mcp_server.service.results import PromptVersion, Saved, state_of
from mcp_server.service.sight import Sight
from storage.database import Database, Transaction
from storage.ids import new_id
from storage.values.entities import LATEST, MAIN, Change, Draft, Metadata, Prompt, Version
from storage.values.errors import Conflict, Forbidden, Invalid

_MAX_MESSAGE = 2_000

Edit = Callable[[Prompt, Version], tuple[Metadata, Draft]]
"""Given what is there, what shall be there."""


class Writer:
    """Writes prompts and versions, each call in one transaction."""

    def __init__(
        self,
        database: Database,
        hear: Callable[[Change], None],
        sight: Sight,
        finder: Finder,
        composer: Composer,
        caller: Caller,
    ) -> None:
        self._database = database
        self.hear = hear
        """Lets this process forget what a change touches, before anyone reads again."""
        self._sight = sight
        self._finder = finder
        self._composer = composer
        self.includers = Includers(sight)
        """Keeps those who include a prompt from being broken unawares."""
        self._caller = caller

    @property
    def may_write(self) -> bool:
        """Whether the caller may change anything."""
        return self._caller.may_write

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a transaction that writes.

        Raises:
            Forbidden: the caller only reads.
        """
        self._caller.check_may_write()
        async with self._database.transaction() as tx:
            yield tx

    @asynccontextmanager
    async def locked(
        self, name: str, *, archived: bool = False
    ) -> AsyncIterator[tuple[Transaction, Prompt]]:
        """Open a transaction on one prompt, which keeps its other writers out until it ends.

        Raises:
            Forbidden: the caller only reads.
            Invalid: the name isn't one.
            NotFound: there is no such prompt in sight, or it's archived and that isn't wanted.
        """
        self._caller.check_may_write()
        # Looked up first, without holding a connection: a refusal looks for names that are alike.
        wanted = await self._finder.name(name)
        await self._sight.prompt(wanted, archived=archived)
        async with self._database.transaction() as tx:
            prompt = await tx.prompts.find(wanted, lock=True)
            yield tx, self._sight.shown(prompt, wanted, archived=archived)

    def check_stays(self, metadata: Metadata) -> None:
        """Refuse what would put a prompt out of the caller's own sight.

        Raises:
            Forbidden: it would.
        """
        if not self._sight.shows(metadata):
            raise Forbidden(
                f"Only prompts {self._caller.view.describe()} are published here. "
                f"Give '{metadata.name}' such a tag or folder."
            )

    async def create(
        self, metadata: Metadata, draft: Draft, *, by: str, commit_message: str | None = None
    ) -> Saved:
        """Write a new prompt's first version.

        Raises:
            Conflict: the name is taken, also where an archived prompt has it.
        """
        self._caller.check_may_write()
        self.check_stays(metadata)
        check_message(commit_message)
        prompt_id = new_id()
        async with self.transaction() as tx:
            await tx.prompts.insert(prompt_id, metadata)
            await self.append(tx, prompt_id, metadata, draft, by=by, commit_message=commit_message)
            current = await self.read_back(tx, metadata.name)
        self.announce(current.prompt)
        warnings = (*_warnings(metadata.name), *remarks_on_blanks(draft))
        return Saved(current, True, True, warnings)

    async def revise(
        self,
        name: str,
        edit: Edit,
        *,
        by: str,
        branch: str = MAIN,
        expected_version: int | None = None,
        expected_states: Collection[str] | None = None,
        commit_message: str | None = None,
        force: bool = False,
    ) -> Saved:
        """Write a new version on a branch, unless its content equals the head's.

        Raises:
            NotFound: there is no such prompt in sight, or it has no such branch.
            Conflict: the branch's head isn't `expected_version`, or is in none of
                `expected_states`; carries the version that is the head. Or others that include it
                couldn't be used any more, and it isn't wanted by `force`.
        """
        check_message(commit_message)
        async with self.locked(name) as (tx, prompt):
            check_head(prompt, branch, expected_version, expected_states)
            head = await head_of(tx, prompt, branch)
            metadata, draft = edit(prompt, head)
            self.check_stays(metadata)
            described = metadata != metadata_of(prompt)
            if described:
                await tx.prompts.update(prompt.id, metadata)
            rewritten = content_hash(draft) != head.content_hash
            broken = Broken()
            if rewritten:
                async with self.includers.kept(tx, prompt, force=force) as broken:
                    await self.append(
                        tx,
                        prompt.id,
                        metadata,
                        draft,
                        branch=branch,
                        parent=head.version,
                        by=by,
                        commit_message=commit_message,
                    )
            current = await self.read_back(tx, metadata.name, branch)
        if rewritten or described:
            self.announce(prompt)
            self.announce(current.prompt)
        # What was said of the name and the text that were there isn't said again.
        renamed = _warnings(metadata.name) if metadata.name != prompt.name else ()
        known = remarks_on_blanks(head.draft)
        blanks = (each for each in remarks_on_blanks(draft) if each not in known)
        warnings = (*renamed, *blanks, *broken.warnings)
        return Saved(current, rewritten, rewritten or described, warnings)

    async def copy(self, name: str, metadata: Metadata, *, by: str) -> Saved:
        """Write a new prompt with the whole history of another one, its branches and labels.

        Raises:
            NotFound: there is no such prompt to copy.
            Conflict: the new name is taken.
        """
        self.check_stays(metadata)
        async with self.locked(name) as (tx, source):
            prompt_id = new_id()
            await tx.prompts.insert(prompt_id, metadata)
            reason = f"Copied with '{source.name}'"
            await tx.copies.copy_history(source.id, prompt_id, by=by, reason=reason)
            current = await self.read_back(tx, metadata.name)
        self.announce(current.prompt)
        return Saved(current, True, True, _warnings(metadata.name))

    async def append(
        self,
        tx: Transaction,
        prompt_id: UUID,
        metadata: Metadata,
        draft: Draft,
        *,
        by: str,
        branch: str = MAIN,
        parent: int | None = None,
        merged_from: int | None = None,
        commit_message: str | None = None,
    ) -> None:
        """Write a draft as the next version and head of a branch; the caller holds the lock.

        Raises:
            Invalid, Conflict: what it includes can't be; see `Composer.check`.
        """
        included = await self._composer.check(tx, metadata.name, prompt_id, draft)
        number = await tx.versions.append(
            prompt_id,
            draft,
            branch=branch,
            parent=parent,
            merged_from=merged_from,
            content_hash=content_hash(draft),
            tags=metadata.tags,
            created_by=by,
            commit_message=commit_message,
            includes=included.references,
        )
        await tx.includes.record(prompt_id, number, included.edges)

    async def read_back(self, tx: Transaction, name: str, branch: str = MAIN) -> PromptVersion:
        """Return a prompt and the head of a branch as this very transaction wrote them."""
        prompt = await read_prompt(tx, name)
        head = await head_of(tx, prompt, branch)
        composition = await self._composer.compose_in(tx, prompt, head)
        return PromptVersion(prompt, head, composition=composition)

    def announce(self, prompt: Prompt) -> None:
        """Let this process forget what it remembered of a prompt, before anyone reads again."""
        self.hear(Change("prompt", prompt.name, prompt.id))


def metadata_of(prompt: Prompt) -> Metadata:
    """Return what a prompt says about itself."""
    return Metadata(prompt.name, prompt.title, prompt.description, prompt.folder, prompt.tags)


def check_message(message: str | None, field: str = "commit_message") -> None:
    """Raise Invalid where what somebody says about a write can't be kept."""
    if message is not None:
        check_text(message, field, limit=_MAX_MESSAGE)


def check_head(
    prompt: Prompt, branch: str, version: int | None, states: Collection[str] | None
) -> None:
    """Compare the head of a branch, which a write goes on from, with what a caller saw.

    Raises:
        NotFound: there is no such branch.
        Conflict: it is another version, or what was seen is a version but not the head.
    """
    head = branch_head(prompt, branch)
    if version is not None and version != head:
        raise Conflict(
            f"'{prompt.name}' is at version {head}{_on(branch)}, not at version {version} as "
            f"expected. Read version {head}, merge your change into it, and write again with "
            f"expected_version {head}.",
            current_version=head,
        )
    if states is None or state_of(prompt, head) in states:
        return
    seen = next((each for each in _shown(prompt) if state_of(prompt, each) in states), None)
    if seen is not None:
        latest = LATEST if branch == MAIN else f"{BRANCH_PREFIX}{branch}"
        raise Conflict(
            f"What you read of '{prompt.name}' is version {seen}, but a write{_on(branch)} goes on "
            f"from the newest, version {head}. Read '{prompt.name}@{latest}', and put your change "
            "into that.",
            current_version=head,
        )
    check_state(prompt, states)


def check_called(prompt: Prompt, expected: str | None) -> None:
    """Compare a prompt's name with the one that a caller wrote; None is none.

    Raises:
        Invalid: it is another one.
    """
    if expected is not None and expected != prompt.name:
        raise Invalid(
            f"The prompt is called '{prompt.name}', not '{expected}'. Leave 'name' out, or give "
            "'new_name' to rename it.",
            fields={"name": "can't be changed"},
        )


def check_state(prompt: Prompt, expected: Collection[str] | None) -> None:
    """Compare what a prompt is now with what a caller saw of it; None expects nothing.

    Raises:
        Conflict: it changed meanwhile.
    """
    if expected is not None and all(
        state_of(prompt, each) not in expected for each in _shown(prompt)
    ):
        raise Conflict(
            f"'{prompt.name}' has changed since you read it; its newest version is "
            f"{prompt.latest_version}. Nothing was written: read it again, and put your change "
            "into what you find.",
            current_version=prompt.latest_version,
        )


async def head_of(tx: Transaction, prompt: Prompt, branch: str) -> Version:
    """Return the newest version of a branch that the prompt has."""
    number = branch_head(prompt, branch)
    head = await tx.versions.find(prompt.id, number)
    if head is None:
        raise AssertionError("unreachable: a foreign key keeps the version that a branch leads to")
    return head


async def read_prompt(tx: Transaction, name: str) -> Prompt:
    """Return a prompt as this very transaction wrote it."""
    prompt = await tx.prompts.find(name)
    if prompt is None:
        raise AssertionError("unreachable: the transaction wrote it, and holds its lock")
    return prompt


def _warnings(name: str) -> tuple[str, ...]:
    warning = name_warning(name)
    return (warning,) if warning else ()


def _shown(prompt: Prompt) -> set[int]:
    """Return the versions that a prompt shows without being asked for a number."""
    return {prompt.served_version, *prompt.labels.values(), *prompt.branches.values()}


def _on(branch: str) -> str:
    return "" if branch == MAIN else f" on the branch '{branch}'"
