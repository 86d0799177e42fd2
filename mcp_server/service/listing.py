"""Lists that clients show whole: remembered, updated with what changed, and bounded in length.

A view's prompts are counted only up to the bound. Of a longer list only the fact that it is longer
is remembered, until something changes.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from storage.database import Database
from storage.values.entities import Change, PromptFilter, PromptSummary

MOST_WHOLE = 5_000
"""Most prompts that are listed in one go; a longer list comes in pages."""
PAGE = 1_000
"""Prompts on each of those pages, unless the caller asks for another number."""

_VIEWS = 4
"""Most views whose lists are remembered."""
_MANY = 500
"""From this many changed prompts on, the whole list is read again."""

_Summaries = dict[UUID, PromptSummary]


@dataclass(slots=True)
class _Remembered:
    """The remembered list of one view.

    `summaries` don't have the changes of the `dirty` prompts yet; they are None if they weren't
    read. `answer` holds while `is_answered`: the list, or None if it is too long.
    """

    summaries: _Summaries | None = None
    dirty: set[UUID] = field(default_factory=set)
    is_answered: bool = False
    answer: tuple[PromptSummary, ...] | None = None
    changes: int = 0
    gaps: int = 0
    # One at a time: a second reader must not use the list before the first has updated it.
    mending: asyncio.Lock = field(default_factory=asyncio.Lock)

    def hear(self, changed: UUID | None) -> None:
        """Note that a prompt's entry may have changed; None means any prompt's."""
        self.changes += 1
        self.is_answered, self.answer = False, None
        if changed is not None and len(self.dirty) < _MANY:
            self.dirty.add(changed)
            return
        self.gaps += 1
        self.summaries, self.dirty = None, set()


class Listings:
    """The lists of this process's views."""

    def __init__(self, database: Database, is_hearing: Callable[[], bool]) -> None:
        self._database = database
        self._is_hearing = is_hearing
        self._views: dict[PromptFilter, _Remembered] = {}

    def hear(self, change: Change) -> None:
        """Invalidate the lists that a change may affect."""
        if not change.listed:
            return
        changed = None if change.kind == "everything" else change.prompt_id
        for remembered in self._views.values():
            remembered.hear(changed)

    async def whole(self, view: PromptFilter) -> Sequence[PromptSummary] | None:
        """Return every prompt of a view by name; None if there are more than `MOST_WHOLE`."""
        if not self._is_hearing():
            return _by_name(await self._read(view))
        remembered = self._remembered(view)
        if remembered.is_answered:
            return remembered.answer
        async with remembered.mending:
            return await self._refresh(view, remembered)

    def _remembered(self, view: PromptFilter) -> _Remembered:
        self._views[view] = remembered = self._views.pop(view, None) or _Remembered()
        while len(self._views) > _VIEWS:
            # A reader that still waits for it finds nothing remembered, and reads again.
            self._views.pop(next(iter(self._views))).hear(None)
        return remembered

    async def _refresh(
        self, view: PromptFilter, remembered: _Remembered
    ) -> Sequence[PromptSummary] | None:
        if remembered.is_answered:
            return remembered.answer
        before, gaps = remembered.changes, remembered.gaps
        dirty, remembered.dirty = remembered.dirty, set()
        try:
            summaries = await self._mend(view, remembered.summaries, dirty)
        except BaseException:
            remembered.dirty |= dirty
            raise
        answer = _by_name(summaries)
        if self._views.get(view) is not remembered:
            return answer
        if gaps == remembered.gaps:
            remembered.summaries = summaries
        if before == remembered.changes and self._is_hearing():
            remembered.is_answered, remembered.answer = True, answer
        return answer

    async def _mend(
        self, view: PromptFilter, known: _Summaries | None, dirty: set[UUID]
    ) -> _Summaries | None:
        if known is None:
            return await self._read(view)
        if not dirty:
            return known
        async with self._database.reading() as tx:
            fresh = await tx.prompts.get_summaries(dirty, view)
        unchanged = {key: summary for key, summary in known.items() if key not in dirty}
        return _bounded(unchanged | {summary.id: summary for summary in fresh})

    async def _read(self, view: PromptFilter) -> _Summaries | None:
        async with self._database.reading() as tx:
            if await tx.prompts.count(view, at_most=MOST_WHOLE + 1) > MOST_WHOLE:
                return None
            summaries = await tx.prompts.list_listed(view, limit=MOST_WHOLE + 1)
        return _bounded({summary.id: summary for summary in summaries})


def _bounded(summaries: _Summaries) -> _Summaries | None:
    return summaries if len(summaries) <= MOST_WHOLE else None


def _by_name(summaries: _Summaries | None) -> tuple[PromptSummary, ...] | None:
    if summaries is None:
        return None
    return tuple(sorted(summaries.values(), key=lambda summary: summary.name))
