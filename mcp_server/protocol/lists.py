"""The long lists, written a few prompts at a time, and remembered as they are sent where they are
whole.

The SDK checks and copies every result in one go. For five thousand prompts that takes a quarter of
a second, in which nobody else is answered. So a handler answers with an empty list, and its prompts
are put in once they are written: those that were sent before as they were, and only the others
anew.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp_types.methods import serialize_server_result

from mcp_server.protocol.callers import Callers
from mcp_server.service.views import View
from storage.values.entities import PromptSummary
from storage.values.pages import Page

_MOST = 30_000
"""Prompts that are remembered, in all lists together: each view has two, for each of the protocol's
versions that clients speak. A list counts for one more than it has."""
_AT_ONCE = 200
"""Prompts and arguments that are written before others get their turn."""

_Context = ServerRequestContext[Any, Any]
_Present = Callable[[PromptSummary], Any]
_Form = tuple[View, str, str]
"""Who sees it, which list it is, and in which of the protocol's versions it is sent."""


@dataclass(frozen=True, slots=True)
class _List:
    """Prompts as they are sent, and what they were made from."""

    made_from: Sequence[PromptSummary]
    entries: list[Any]
    by_name: dict[str, tuple[PromptSummary, Any]]


_NOTHING = _List((), [], {})


class ListMemory:
    """Middleware that puts into lists what their handlers had written by `write`."""

    def __init__(self) -> None:
        self._known: dict[_Form, _List] = {}
        self._asked: ContextVar[list[_List]] = ContextVar("asked")

    async def __call__(self, ctx: _Context, call_next: CallNext) -> HandlerResult:
        """Answer a request; other requests than lists pass."""
        if not ctx.method.endswith("/list"):
            return await call_next(ctx)
        written: list[_List] = []
        self._asked.set(written)
        result = await call_next(ctx)
        if not written or not isinstance(result, dict):
            return result
        return {**result, _noun(ctx): written[0].entries}

    async def write(
        self,
        ctx: _Context,
        page: Page[PromptSummary],
        present: _Present,
        *,
        view: View,
        is_whole: bool,
    ) -> None:
        """Write a page's prompts into the handler's answer; remember what is all of a view."""
        form = view, ctx.method, ctx.protocol_version
        written = self._known.get(form, _NOTHING) if is_whole else _NOTHING
        if written.made_from is not page.items:
            written = await _write(ctx, page.items, present, written)
        if is_whole:
            self._remember(form, written)
        self._asked.get().append(written)

    def _remember(self, form: _Form, written: _List) -> None:
        self._known.pop(form, None)
        self._known[form] = written
        while sum(1 + len(each.entries) for each in self._known.values()) > _MOST:
            del self._known[next(iter(self._known))]


class Published:
    """Lists of what a caller sees, with an entry for each prompt."""

    def __init__(self, callers: Callers, page_size: int | None, memory: ListMemory) -> None:
        self._callers = callers
        self._page_size = page_size
        self._memory = memory

    async def list(self, ctx: _Context, cursor: str | None, present: _Present) -> HandlerResult:
        """Answer with one page, unless it is too much or a page size was set."""
        library = await self._callers.library(ctx)
        page = await library.prompts.list_published(limit=self._page_size, cursor=cursor)
        is_whole = cursor is None and page.next_cursor is None
        view = library.caller.view
        await self._memory.write(ctx, page, present, view=view, is_whole=is_whole)
        return {_noun(ctx): [], "nextCursor": page.next_cursor}


async def _write(
    ctx: _Context, summaries: Sequence[PromptSummary], present: _Present, known: _List
) -> _List:
    written = _List(summaries, [], {})
    for piece in _pieces(summaries):
        fresh = [each for each in piece if not _is_known(each, known)]
        made = dict(zip(map(_name, fresh), _sent(ctx, list(map(present, fresh))), strict=True))
        for each in piece:
            # What was compared and found equal is kept as it is now: that compares at once.
            entry = made[each.name] if each.name in made else known.by_name[each.name][1]
            written.entries.append(entry)
            written.by_name[each.name] = each, entry
        await asyncio.sleep(0)
    return written


def _pieces(summaries: Sequence[PromptSummary]) -> Iterator[Sequence[PromptSummary]]:
    """Cut a list into pieces that take about as long as each other."""
    piece: list[PromptSummary] = []
    size = 0
    for summary in summaries:
        piece.append(summary)
        size += 1 + len(summary.arguments)
        if size >= _AT_ONCE:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _sent(ctx: _Context, entries: list[Any]) -> list[Any]:
    """Return entries in the form in which the protocol's version sends them."""
    if not entries:
        return entries
    noun = _noun(ctx)
    # All that a result of any version has to have; only its entries are used.
    result = {noun: entries, "ttlMs": 0, "cacheScope": "private", "resultType": "complete"}
    sent: list[Any] = serialize_server_result(ctx.method, ctx.protocol_version, result)[noun]
    return sent


def _name(summary: PromptSummary) -> str:
    return summary.name


def _noun(ctx: _Context) -> str:
    return ctx.method.partition("/")[0]


def _is_known(summary: PromptSummary, known: _List) -> bool:
    kept = known.by_name.get(summary.name)
    return kept is not None and (kept[0] is summary or kept[0] == summary)
