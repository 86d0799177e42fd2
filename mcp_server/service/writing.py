"""The one path on which versions are written: lock, compare, append, announce."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

from mcp_server.domain.drafts import content_hash
from mcp_server.domain.names import name_warning
from mcp_server.domain.references import branch_head
from mcp_server.domain.templates.lookalikes import remarks_on_blanks
from mcp_server.service.callers import Caller
from mcp_server.service.composing import Composer
from mcp_server.service.finding import Finder
from mcp_server.service.including import Broken, Includers
from mcp_server.service.labelling import Labelling, shares_of
from mcp_server.service.results import PromptVersion, Saved
from mcp_server.service.sight import Sight
from mcp_server.service.terms import ANY, Terms
from storage.database import Database, Transaction
from storage.ids import new_id
from storage.values.entities import MAIN, Change, Draft, Metadata, NewVersion, Prompt, Version
from storage.values.errors import Forbidden, Invalid

logger = logging.getLogger(__name__)

Edit = Callable[[Prompt, Version], tuple[Metadata, Draft]]
"""Maps a prompt and the head of its branch to the metadata and content to write."""


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
        """Drops this process's memory of a changed prompt, before anyone reads again."""
        self._sight = sight
        self._finder = finder
        self._composer = composer
        self.includers = Includers(sight)
        """Guards the prompts that include a changed one."""
        self.labelling = Labelling(caller)
        """Sets the labels of prompts."""
        self._caller = caller
        self.author = caller.name
        """The name recorded as the author of each write."""
        self.may_write = caller.may_write
        """Whether the caller may change anything."""

    @asynccontextmanager
    async def transaction(self, act: str, subject: str = "") -> AsyncIterator[Transaction]:
        """Open a transaction for writing, logged under the caller's name once it is committed.

        Raises:
            Forbidden: the caller may only read.
        """
        self._caller.check_may_write()
        async with self._database.transaction() as tx:
            yield tx
        self._sign(act, subject)

    @asynccontextmanager
    async def changing(
        self,
        name: str,
        act: str,
        terms: Terms = ANY,
        *,
        branch: str | None = None,
        archived: bool = False,
    ) -> AsyncIterator[tuple[Transaction, Prompt]]:
        """Open a transaction on one prompt, whose lock keeps other writers out until it ends.

        With a `branch`, the terms apply to its head.

        Raises:
            Forbidden: the caller may only read.
            Invalid: the name isn't a valid one.
            NotFound: no such prompt is visible, or it's archived and `archived` is off; or it has
                no such branch.
            Conflict: the prompt isn't what the terms expect.
        """
        self._caller.check_may_write()
        # Looked up first, without holding a connection: a refusal searches for similar names.
        wanted = await self._finder.name(name)
        await self._sight.prompt(wanted, archived=archived)
        async with self.transaction(act, wanted) as tx:
            row = await tx.prompts.find(wanted, lock=True)
            prompt = self._sight.check_visible(row, wanted, archived=archived)
            terms.check(prompt, branch)
            yield tx, prompt
        self.announce(prompt)

    def check_stays(self, metadata: Metadata) -> None:
        """Refuse metadata that would hide a prompt from the caller that writes it.

        Raises:
            Forbidden: the caller's view doesn't admit it.
        """
        if not self._sight.shows(metadata):
            raise Forbidden(
                f"Only prompts {self._caller.view.describe()} are published here. "
                f"Give '{metadata.name}' such a tag or folder."
            )

    async def create(self, metadata: Metadata, draft: Draft, terms: Terms = ANY) -> Saved:
        """Write a new prompt's first version.

        Raises:
            Conflict: the name is taken, even if only by an archived prompt.
            Forbidden: the caller may only read, or wouldn't see the prompt.
        """
        self._caller.check_may_write()
        self.check_stays(metadata)
        terms.check_message()
        prompt_id = new_id()
        async with self.transaction("create_prompt", metadata.name) as tx:
            await tx.prompts.insert(prompt_id, metadata)
            new = NewVersion(
                draft=draft,
                tags=metadata.tags,
                created_by=self.author,
                commit_message=terms.commit_message,
            )
            await self.append(tx, prompt_id, metadata.name, new)
            current = await self.read_back(tx, metadata.name)
        self.announce(current.prompt)
        warnings = (*_warnings(metadata.name), *remarks_on_blanks(draft))
        return Saved(current, True, True, warnings)

    async def revise(
        self,
        name: str,
        edit: Edit,
        act: str,
        *,
        branch: str = MAIN,
        terms: Terms = ANY,
    ) -> Saved:
        """Write a new version on a branch, unless its content equals the head's.

        Raises:
            NotFound: no such prompt is visible, or it has no such branch.
            Conflict: the branch's head isn't what the terms expect; carries the head's version. Or
                the write would break prompts that include it, and isn't forced.
        """
        terms.check_message()
        async with self.changing(name, act, terms, branch=branch) as (tx, prompt):
            head = await head_of(tx, prompt, branch)
            metadata, draft = edit(prompt, head)
            self.check_stays(metadata)
            has_new_metadata = metadata != metadata_of(prompt)
            if has_new_metadata:
                await tx.prompts.update(prompt.id, metadata)
            has_new_content = content_hash(draft) != head.content_hash
            broken = Broken()
            if has_new_content:
                async with self.includers.kept(tx, prompt, force=terms.force) as broken:
                    new = NewVersion(
                        draft=draft,
                        tags=metadata.tags,
                        created_by=self.author,
                        branch=branch,
                        parent=head.version,
                        commit_message=terms.commit_message,
                    )
                    await self.append(tx, prompt.id, metadata.name, new)
            current = await self.read_back(tx, metadata.name, branch)
        if metadata.name != prompt.name:
            self.announce(current.prompt)
        # Warnings about the old name and text were given when those were written.
        about_name = _warnings(metadata.name) if metadata.name != prompt.name else ()
        known = remarks_on_blanks(head.draft)
        about_blanks = (each for each in remarks_on_blanks(draft) if each not in known)
        warnings = (*about_name, *about_blanks, *broken.warnings)
        return Saved(current, has_new_content, has_new_content or has_new_metadata, warnings)

    async def copy(self, name: str, metadata: Metadata) -> Saved:
        """Write a new prompt with another one's whole history, branches and labels.

        Raises:
            NotFound: there is no such prompt to copy.
            Conflict: the new name is taken.
        """
        self.check_stays(metadata)
        source_name = (await self._sight.prompt(await self._finder.name(name))).name
        async with self.transaction("create_prompt", metadata.name) as tx:
            source = self._sight.check_visible(
                await tx.prompts.find(source_name, lock=True), source_name
            )
            prompt_id = new_id()
            await tx.prompts.insert(prompt_id, metadata)
            await tx.copies.copy_history(source.id, prompt_id)
            target = await written_prompt(tx, metadata.name)
            reason = f"Copied with '{source.name}'"
            await self.labelling.point(tx, target, shares_of(source), reason)
            current = await self.read_back(tx, metadata.name)
        self.announce(current.prompt)
        return Saved(current, True, True, _warnings(metadata.name))

    async def append(self, tx: Transaction, prompt_id: UUID, name: str, new: NewVersion) -> None:
        """Write the next version and head of a branch, under the prompt's lock.

        Raises:
            Invalid, Conflict: an include can't be used; see `Composer.check`.
        """
        included = await self._composer.check(tx, name, prompt_id, new.draft)
        hashed = content_hash(new.draft)
        number = await tx.versions.append(prompt_id, new, hashed, included.references)
        await tx.includes.record(prompt_id, number, included.edges)

    async def read_back(self, tx: Transaction, name: str, branch: str = MAIN) -> PromptVersion:
        """Return a prompt and the head of a branch as this transaction wrote them."""
        prompt = await written_prompt(tx, name)
        head = await head_of(tx, prompt, branch)
        composition = await self._composer.compose_in(tx, prompt, head)
        return PromptVersion(prompt, head, composition=composition)

    def _sign(self, act: str, subject: str) -> None:
        caller = self._caller
        values = {
            "caller": caller.name,
            "act": act,
            "prompt": subject,
            "door": caller.door,
            "client": caller.client,
            "request_id": caller.request_id,
        }
        fields = {name: value for name, value in values.items() if value}
        logger.info("%s: %s '%s'", caller.name, act, subject, extra={"fields": fields})

    def announce(self, prompt: Prompt) -> None:
        """Drop this process's memory of a prompt, before anyone reads again."""
        self.hear(Change("prompt", prompt.name, prompt.id))


def metadata_of(prompt: Prompt) -> Metadata:
    """Return a prompt's metadata."""
    return Metadata(prompt.name, prompt.title, prompt.description, prompt.folder, prompt.tags)


def check_called(prompt: Prompt, expected: str | None) -> None:
    """Check that a prompt has the name that a caller expects; None expects nothing.

    Raises:
        Invalid: the prompt has another name.
    """
    if expected is not None and expected != prompt.name:
        raise Invalid(
            f"The prompt is called '{prompt.name}', not '{expected}'. Leave 'name' out, or give "
            "'new_name' to rename it.",
            fields={"name": "can't be changed"},
        )


async def head_of(tx: Transaction, prompt: Prompt, branch: str) -> Version:
    """Return the newest version of one of the prompt's branches."""
    number = branch_head(prompt, branch)
    head = await tx.versions.find(prompt.id, number)
    if head is None:
        raise AssertionError("unreachable: a foreign key keeps the version that a branch leads to")
    return head


async def written_prompt(tx: Transaction, name: str) -> Prompt:
    """Return a prompt as this transaction wrote it."""
    prompt = await tx.prompts.find(name)
    if prompt is None:
        raise AssertionError("unreachable: the transaction wrote it, and holds its lock")
    return prompt


def _warnings(name: str) -> tuple[str, ...]:
    warning = name_warning(name)
    return (warning,) if warning else ()
