"""The readers' memory: never stale, because every commit of every process is heard.

Versions are immutable and kept until room is needed. Pointers (the prompt that a name means, with
its labels and branches) and lists are kept until a change of that prompt is heard. While nothing
can be heard, pointers and lists come straight from the database.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from cachetools import LRUCache

from mcp_server.domain.messages import content_data, content_text
from mcp_server.service.listing import Listings
from storage.database import Database, Transaction
from storage.values.entities import (
    Change,
    Prompt,
    PromptFilter,
    PromptSummary,
    Reached,
    Version,
)
from storage.values.pages import Page

T = TypeVar("T")

_MAX_POINTERS = 20_000
_MAX_NAMES = 50_000
_MAX_TEXT = 64_000_000
_LEAST = 500


class Catalog:
    """This process's memory of the library.

    `hits` and `misses` count the pointers that were in memory, and those that weren't. `lists` are
    the lists that clients show whole.
    """

    def __init__(self, database: Database, is_hearing: Callable[[], bool]) -> None:
        self._database = database
        self._is_hearing = is_hearing
        self._pointers: LRUCache[str, Prompt] = LRUCache(_MAX_POINTERS)
        # A former name leads to the present one, which forgets its prompt when that changes.
        self._former: LRUCache[str, str] = LRUCache(_MAX_POINTERS)
        self._versions: LRUCache[tuple[UUID, int], Version] = LRUCache(_MAX_TEXT, _size)
        self._names: LRUCache[UUID, str] = LRUCache(_MAX_NAMES)
        self.hits = 0
        self.misses = 0
        self._changes = 0
        self._gaps = 0
        self.lists = Listings(database, is_hearing)

    def hear(self, change: Change) -> None:
        """Forget everything that a change may have made stale."""
        self._changes += 1
        self._database.note_change()
        self.lists.hear(change)
        if change.kind == "everything" or change.prompt_id is None:
            self._gaps += 1
            self._pointers.clear()
            self._former.clear()
            self._versions.clear()
            self._names.clear()
            return
        self._pointers.pop(change.name, None)
        self._names.pop(change.prompt_id, None)

    async def find_prompt(self, name: str) -> Prompt | None:
        """Return the prompt that has or had a name, with its current pointers."""
        if not self._is_hearing():
            return await self._prompt_of(name)
        remembered = self.remembered_prompt(name)
        if remembered is not None:
            self.hits += 1
            return remembered
        self.misses += 1
        before, gaps = self._changes, self._gaps
        # Most readers want the served version next.
        async with self._database.reading() as tx:
            pair = await tx.prompts.find_served(name)
        if pair is None:
            return None
        prompt, served = pair
        self._keep(served, gaps)
        self._point({name: prompt}, before)
        return prompt

    def remembered_prompt(self, name: str) -> Prompt | None:
        """Return the prompt that has or had a name, if it is in memory."""
        if not self._is_hearing():
            return None
        return self._pointers.get(self._former.get(name, name))

    def remembered_version(self, prompt_id: UUID, number: int) -> Version | None:
        """Return a version, if it is in memory."""
        return self._versions.get((prompt_id, number))

    async def reach(self, references: Collection[tuple[str, str]]) -> Reached:
        """Return the prompts and versions that references (name, point) lead to by includes."""
        before, gaps = self._changes, self._gaps
        async with self._database.reading() as tx:
            reached = await tx.includes.reach(references)
        for version in reached.versions.values():
            self._keep(version, gaps)
        self._point(reached.prompts, before)
        return reached

    async def find_name(self, prompt_id: UUID) -> str | None:
        """Return the current name of the prompt with an id."""
        remembered = self._names.get(prompt_id) if self._is_hearing() else None
        if remembered is not None:
            return remembered
        before = self._changes
        async with self._database.reading() as tx:
            name = await tx.prompts.find_name(prompt_id)
        if name is not None and before == self._changes and self._is_hearing():
            self._names[prompt_id] = name
        return name

    async def find_version(self, prompt_id: UUID, number: int) -> Version | None:
        """Return a version; once read it is never read again."""
        remembered = self._versions.get((prompt_id, number))
        if remembered is not None:
            return remembered
        gaps = self._gaps
        version = await self.read(lambda tx: tx.versions.find(prompt_id, number))
        if version is None:
            async with self._database.reading() as tx:
                version = await tx.versions.find(prompt_id, number)
        if version is not None:
            self._keep(version, gaps)
        return version

    async def read(self, query: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run a query on the replica if it is up to date, else on the primary.

        The query sees every change that this process made or heard of. While nothing can be heard,
        changes of other processes could be missing on the replica, so the primary is used.
        """
        return await self._database.read(query, replica=self._is_hearing())

    async def each_page(
        self, chosen: PromptFilter, size: int
    ) -> AsyncIterator[Sequence[PromptSummary]]:
        """Yield the prompts that a filter keeps, by name, each page as it is when it is read."""

        def page_after(cursor: str | None) -> Awaitable[Page[PromptSummary]]:
            return self.read(
                lambda tx: tx.prompts.list_summaries(chosen, limit=size, cursor=cursor)
            )

        page = await page_after(None)
        yield page.items
        while page.next_cursor is not None:
            page = await page_after(page.next_cursor)
            yield page.items

    def _keep(self, version: Version, gaps: int) -> None:
        """Remember a version, unless there was a gap since its reading began."""
        if gaps == self._gaps and _size(version) <= _MAX_TEXT:
            # An entry that exists is equal, and others hold it already.
            self._versions.setdefault((version.prompt_id, version.version), version)

    def _point(self, prompts: Mapping[str, Prompt], before: int) -> None:
        """Remember the prompts of names, unless a change was heard since the reading began."""
        # A change heard while the query ran may be newer than what it saw.
        if before != self._changes or not self._is_hearing():
            return
        for name, prompt in prompts.items():
            self._pointers[prompt.name] = prompt
            if name == prompt.name:
                self._former.pop(name, None)
            else:
                self._former[name] = prompt.name

    async def _prompt_of(self, name: str) -> Prompt | None:
        async with self._database.reading() as tx:
            return await tx.prompts.find(name)


def _size(version: Version) -> int:
    """Estimate a version's size in characters; even an empty one counts for something."""
    draft = version.draft
    messages = [*draft.messages, *(each for variant in draft.variants.values() for each in variant)]
    texts = (
        *(content_text(message.content) for message in messages),
        *(content_data(message.content) for message in messages),
        *(choice for argument in draft.arguments for choice in argument.choices),
    )
    return _LEAST + sum(len(each or "") for each in texts)
