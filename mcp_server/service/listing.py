"""Lists that clients show whole: remembered, mended by what changed, and never longer than a bound.

How many prompts a view has is counted no further than to the bound. Of a longer one nothing is
remembered but that it is longer, until something changes.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from storage.database import Database
from storage.values.entities import Change, PromptFilter, PromptSummary

MOST_WHOLE = 5_000
"""Prompts in view that are listed in one go; more of them come in pages."""
PAGE = 1_000
"""Prompts on each of those pages, unless another number was asked for."""

_VIEWS = 4
"""Views whose lists are remembered."""
_MANY = 500
"""So many changed prompts are read again with the whole list, not one by one."""

_Summaries = dict[UUID, PromptSummary]


@dataclass(slots=True)
class _Remembered:
    """What is remembered of one view.

    `summaries` are as they were before the `dirty` ones changed, and None where they weren't read.
    `answer` stands until anything changes: the list, or None where it is too long.
    """

    summaries: _Summaries | None = None
    dirty: set[UUID] = field(default_factory=set)
    is_answered: bool = False
    answer: tuple[PromptSummary, ...] | None = None
    changes: int = 0
    gaps: int = 0
    # One at a time: a second reader must not take the list before the first has mended it.
    mending: asyncio.Lock = field(default_factory=asyncio.Lock)

    def hear(self, changed: UUID | None) -> None:
        """Note that a prompt may be listed otherwise now; None is any of them."""
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
        """Forget what a change may have made untrue."""
        if not change.listed:
            return
        changed = None if change.kind == "everything" else change.prompt_id
        for remembered in self._views.values():
            remembered.hear(changed)

    async def whole(self, view: PromptFilter) -> Sequence[PromptSummary] | None:
        """Return every prompt of a view by name; None where those are more than `MOST_WHOLE`."""
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
            # Whoever still waits for it finds nothing, and reads anew.
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
        kept = {key: summary for key, summary in known.items() if key not in dirty}
        return _bounded(kept | {summary.id: summary for summary in fresh})

    async def _read(self, view: PromptFilter) -> _Summaries | None:
        async with self._database.reading() as tx:
            if await tx.prompts.count(view, at_most=MOST_WHOLE + 1) > MOST_WHOLE:
                return None
            found = await tx.prompts.list_listed(view, limit=MOST_WHOLE + 1)
        return _bounded({summary.id: summary for summary in found})


def _bounded(summaries: _Summaries) -> _Summaries | None:
    return summaries if len(summaries) <= MOST_WHOLE else None


def _by_name(summaries: _Summaries | None) -> tuple[PromptSummary, ...] | None:
    if summaries is None:
        return None
    return tuple(sorted(summaries.values(), key=lambda summary: summary.name))
