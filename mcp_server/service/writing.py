"""The one path on which versions are written: lock, compare, append, announce."""

from collections.abc import Callable, Collection
from uuid import UUID

from mcp_server.domain.drafts import content_hash
from mcp_server.domain.names import name_warning
from mcp_server.domain.texts import check_text
from mcp_server.service.catalog import Catalog
from mcp_server.service.finding import Finder
from mcp_server.service.results import PromptVersion, Saved, state_of
from mcp_server.service.scope import Scope
from storage.database import Database, Transaction
from storage.entities import MAIN, Change, Draft, Metadata, Prompt, Version
from storage.errors import Conflict, Invalid
from storage.ids import new_id

_MAX_MESSAGE = 2_000

Edit = Callable[[Prompt, Version], tuple[Metadata, Draft]]
"""Given what is there, what shall be there."""


class Writer:
    """Writes prompts and versions, each call in one transaction."""

    def __init__(self, database: Database, catalog: Catalog, finder: Finder, scope: Scope) -> None:
        self._database = database
        self._catalog = catalog
        self._finder = finder
        self._scope = scope

    async def create(
        self, metadata: Metadata, draft: Draft, *, by: str, commit_message: str | None = None
    ) -> Saved:
        """Write a new prompt's first version.

        Raises:
            Conflict: the name is taken, also where an archived prompt has it.
        """
        self._scope.check_writable()
        self._scope.check_stays_inside(metadata)
        _check_message(commit_message)
        prompt_id = new_id()
        async with self._database.transaction() as tx:
            await tx.prompts.insert(prompt_id, metadata)
            await self._append(tx, prompt_id, metadata, draft, None, by, commit_message)
            current = await _read_back(tx, metadata.name)
        self.announce(current.prompt)
        warning = name_warning(metadata.name)
        return Saved(current, True, True, (warning,) if warning else ())

    async def revise(
        self,
        name: str,
        edit: Edit,
        *,
        by: str,
        expected_version: int | None = None,
        expected_states: Collection[str] | None = None,
        commit_message: str | None = None,
    ) -> Saved:
        """Write a new version on `main`, unless its content equals the head's.

        Raises:
            NotFound: there is no such prompt in sight.
            Conflict: the head of `main` isn't `expected_version`, or is in none of
                `expected_states`; carries the version that is the head.
        """
        _check_message(commit_message)
        async with self._finder.locked(name) as (tx, prompt):
            _check_expected(prompt, expected_version)
            check_head(prompt, expected_states)
            head = await _head(tx, prompt)
            metadata, draft = edit(prompt, head)
            self._scope.check_stays_inside(metadata)
            described = metadata != metadata_of(prompt)
            if described:
                await tx.prompts.update(prompt.id, metadata)
            rewritten = content_hash(draft) != head.content_hash
            if rewritten:
                await self._append(tx, prompt.id, metadata, draft, head.version, by, commit_message)
            current = await _read_back(tx, prompt.name)
        if rewritten or described:
            self.announce(current.prompt)
        return Saved(current, rewritten, rewritten or described)

    def announce(self, prompt: Prompt) -> None:
        """Let this process forget what it remembered of a prompt, before anyone reads again."""
        self._catalog.hear(Change("prompt", prompt.name, prompt.id))

    @staticmethod
    async def _append(
        tx: Transaction,
        prompt_id: UUID,
        metadata: Metadata,
        draft: Draft,
        parent: int | None,
        by: str,
        commit_message: str | None,
    ) -> None:
        await tx.versions.append(
            prompt_id,
            draft,
            branch=MAIN,
            parent=parent,
            content_hash=content_hash(draft),
            tags=metadata.tags,
            created_by=by,
            commit_message=commit_message,
        )


def metadata_of(prompt: Prompt) -> Metadata:
    """Return what a prompt says about itself."""
    return Metadata(prompt.name, prompt.title, prompt.description, prompt.folder, prompt.tags)


def _check_message(commit_message: str | None) -> None:
    if commit_message is not None:
        check_text(commit_message, "commit_message", limit=_MAX_MESSAGE)


def _check_expected(prompt: Prompt, expected: int | None) -> None:
    current = prompt.latest_version
    if expected is not None and expected != current:
        raise Conflict(
            f"'{prompt.name}' is at version {current}, not at version {expected} as expected. "
            f"Read version {current}, merge your change into it, and write again with "
            f"expected_version {current}.",
            current_version=current,
        )


def check_head(prompt: Prompt, expected: Collection[str] | None) -> None:
    """Compare the newest version, which a write goes on from, with what a caller saw.

    Raises:
        Conflict: it is another one, or what was seen is served but not the newest.
    """
    if expected is None or state_of(prompt, prompt.latest_version) in expected:
        return
    if state_of(prompt, prompt.served_version) in expected:
        raise Conflict(
            f"What you read of '{prompt.name}' is version {prompt.served_version}, which is "
            f"served, but a write goes on from the newest, version {prompt.latest_version}. Read "
            f"'{prompt.name}@latest', and put your change into that.",
            current_version=prompt.latest_version,
        )
    check_state(prompt, expected)


def check_name(prompt: Prompt, expected: str | None) -> None:
    """Compare a prompt's name with the one that a caller wrote; None is none.

    Raises:
        Invalid: it is another one.
    """
    if expected is not None and expected != prompt.name:
        raise Invalid(
            f"The prompt is called '{prompt.name}', and a change doesn't rename it to "
            f"'{expected}'. Leave 'name' out, or create a prompt of that name.",
            fields={"name": "can't be changed"},
        )


def check_state(prompt: Prompt, expected: Collection[str] | None) -> None:
    """Compare what a prompt is now with what a caller saw of it; None expects nothing.

    Raises:
        Conflict: it changed meanwhile.
    """
    shown = {prompt.served_version, prompt.latest_version}
    if expected is not None and all(state_of(prompt, each) not in expected for each in shown):
        raise Conflict(
            f"'{prompt.name}' has changed since you read it; its newest version is "
            f"{prompt.latest_version}. Nothing was written: read it again, and put your change "
            "into what you find.",
            current_version=prompt.latest_version,
        )


async def _head(tx: Transaction, prompt: Prompt) -> Version:
    head = await tx.versions.find(prompt.id, prompt.latest_version)
    if head is None:  # the branch's foreign key forbids it
        raise LookupError(f"{prompt.name}@{prompt.latest_version}")
    return head


async def read_prompt(tx: Transaction, name: str) -> Prompt:
    """Return a prompt as this very transaction wrote it."""
    prompt = await tx.prompts.find(name)
    if prompt is None:  # the transaction holds its lock
        raise LookupError(name)
    return prompt


async def _read_back(tx: Transaction, name: str) -> PromptVersion:
    prompt = await read_prompt(tx, name)
    return PromptVersion(prompt, await _head(tx, prompt))
