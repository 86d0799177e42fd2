"""Sight: the part of the library that a caller sees. Every read passes through here."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID

from mcp_server.domain.names import nearest
from mcp_server.service.catalog import Catalog
from mcp_server.service.views import Placed, View
from storage.database import Transaction
from storage.values.entities import Found, Prompt, PromptFilter, PromptSummary, Reached, Version
from storage.values.errors import Conflict, NotFound, PromptError
from storage.values.pages import Page

T = TypeVar("T")

_SUGGESTED = 3
"""Most names suggested in place of a missing one."""
_UNTOLD = (
    "Something that is included, directly or through others, can't be at present. There are "
    "prompts among it that this server doesn't show: ask who keeps the library."
)


class Sight:
    """The part of the library that a caller sees.

    This is the one place that applies the view to reads. A hidden prompt is refused in the same
    words as one that never existed.
    """

    def __init__(self, catalog: Catalog, view: View) -> None:
        self._catalog = catalog
        self._view = view

    # One prompt.

    async def prompt(self, name: str, *, archived: bool = False) -> Prompt:
        """Return the prompt that has or had a name; an archived one only with `archived`.

        Raises:
            NotFound: no such prompt is visible (carries similar names), or it's archived.
        """
        prompt = await self._catalog.find_prompt(name)
        if prompt is None or not self._view.admits(prompt):
            raise await self._missing(name)
        if prompt.archived_at is not None and not archived:
            raise self._archived(prompt)
        return prompt

    async def name_of(self, prompt_id: UUID) -> str | None:
        """Return the current name of the prompt with an id; None if no such prompt is visible."""
        name = await self._catalog.find_name(prompt_id)
        if name is None or not self.is_partial:
            return name
        prompt = await self._catalog.find_prompt(name)
        return prompt.name if prompt is not None and self.shows(prompt) else None

    def check_visible(self, prompt: Prompt | None, name: str, *, archived: bool = False) -> Prompt:
        """Return a prompt that was read under a lock, by the same rules as `prompt`.

        Raises:
            NotFound: it is None or hidden, or it's archived and `archived` is off.
        """
        if prompt is None or not self._view.admits(prompt):
            raise _no_such_prompt(name, ())
        if prompt.archived_at is not None and not archived:
            raise self._archived(prompt)
        return prompt

    def _archived(self, prompt: Prompt) -> NotFound:
        restoring = "Ask for it to be restored" if self._view.read_only else "Restore it"
        return NotFound(
            f"The prompt '{prompt.name}' is archived. {restoring} to use or change it again."
        )

    def shows(self, placed: Placed) -> bool:
        """Return whether a prompt with this folder and these tags is visible."""
        return self._view.admits(placed)

    # Many.

    async def summaries(
        self, chosen: PromptFilter, *, limit: int, cursor: str | None
    ) -> Page[PromptSummary]:
        """Return prompts by name, a page at a time.

        Raises:
            Invalid: the cursor isn't from this list, or no prompt can have a value of the filter.
        """
        narrowed = self._view.narrow(chosen)
        return await self.read_unchecked(
            lambda tx: tx.prompts.list_summaries(narrowed, limit=limit, cursor=cursor)
        )

    async def search(
        self, words: str, chosen: PromptFilter, *, limit: int, cursor: str | None
    ) -> Page[Found]:
        """Return the prompts that match words, best first.

        Raises:
            Invalid: as for `summaries`.
        """
        narrowed = self._view.narrow(chosen)
        return await self.read_unchecked(
            lambda tx: tx.search.find(words, narrowed, limit=limit, cursor=cursor)
        )

    def pages(self, chosen: PromptFilter, size: int) -> AsyncIterator[Sequence[PromptSummary]]:
        """Iterate over the prompts that a filter keeps by name, reading each page when needed.

        Raises:
            Invalid: no prompt can have a value of the filter.
        """
        return self._catalog.each_page(self._view.narrow(chosen), size)

    async def list_whole(self) -> Sequence[PromptSummary] | None:
        """Return every visible prompt by name; None if there are too many for one list."""
        return await self._catalog.lists.whole(self.filter)

    async def list_after(self, name: str | None, limit: int) -> Sequence[PromptSummary]:
        """Return up to `limit` visible prompts by name, starting after a name."""
        return await self.read_unchecked(
            lambda tx: tx.prompts.list_listed(self.filter, limit=limit, after=name)
        )

    async def count(self) -> int:
        """Count the visible prompts."""
        return await self.read_unchecked(lambda tx: tx.prompts.count(self.filter))

    async def list_names(self, typed: str, limit: int) -> Sequence[str]:
        """Return visible names that begin with a typed text; if none does, those containing it."""
        return await self.read_unchecked(
            lambda tx: tx.prompts.list_names(self.filter, typed, limit=limit)
        )

    def keeps(self, chosen: PromptFilter, placed: Placed) -> bool:
        """Return whether a prompt is visible, lies in a filter's folder and has its tags.

        Raises:
            Invalid: the filter's folder isn't one that a prompt can have.
        """
        return self._view.keeps(chosen, placed)

    # Refusals and suggestions, which must not reveal hidden prompts.

    def conceal(self, problem: PromptError, reached: Reached) -> PromptError:
        """Return the error for a failed include, without details if a hidden prompt is involved."""
        is_hidden = not all(map(self.shows, reached.prompts.values()))
        return Conflict(_UNTOLD) if is_hidden else problem

    async def list_similar(self, tx: Transaction, name: str, limit: int) -> Sequence[str]:
        """Return visible names that are spelt almost like the given one."""
        return await tx.prompts.list_spellings(name, self.filter, limit=limit)

    @property
    def filter(self) -> PromptFilter:
        """The filter that keeps exactly the visible prompts."""
        return self._view.filter

    @property
    def is_partial(self) -> bool:
        """Whether there may be hidden prompts."""
        return self._view.is_partial

    @property
    def listing(self) -> str:
        """The name of the whole list that its cursors are bound to; it differs for each view."""
        return f"published {self._view}"

    # Below a prompt that was shown.

    async def read_unchecked(self, query: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run a query whose rows the view isn't asked about, where that costs the primary least.

        For rows of prompts that were found visible, and for those that only decide a refusal.
        """
        return await self._catalog.read(query)

    async def version(self, prompt: Prompt, number: int) -> Version | None:
        """Return a version of a prompt that was shown."""
        return await self._catalog.find_version(prompt.id, number)

    async def _missing(self, name: str) -> NotFound:
        similar = await self.read_unchecked(lambda tx: self.list_similar(tx, name, _SUGGESTED))
        if not similar and (whole := await self.list_whole()):
            # Comparing thousands of names would block the event loop.
            similar = await asyncio.to_thread(nearest, name, [each.name for each in whole])
        return _no_such_prompt(name, similar)


def _no_such_prompt(name: str, similar: Sequence[str]) -> NotFound:
    hint = (
        "Did you mean " + " or ".join(f"'{known}'" for known in similar) + "?"
        if similar
        else "Search for words of it, or list all prompts."
    )
    return NotFound(f"There is no prompt named '{name}'. {hint}", nearest=similar)
