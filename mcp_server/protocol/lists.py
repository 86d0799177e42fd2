"""Long lists, serialised a few prompts at a time, and cached in the form in which they are sent.

The SDK checks and copies every result in one go. For five thousand prompts that takes a quarter of
a second, in which no other request is answered. So a handler answers with an empty list, and its
prompts are put in once they are serialised. Only lists that fit into one page are cached; when they
change, only the prompts that changed are serialised anew.
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
"""The most prompts that are cached, in all lists together; each list counts as one more.

Each view has two lists, for each of the protocol's versions that clients speak."""
_AT_ONCE = 200
"""Prompts and arguments that are serialised before other requests get their turn."""

_Context = ServerRequestContext[Any, Any]
_Present = Callable[[PromptSummary], Any]
_Form = tuple[View, str, str]
"""The view, the list's method, and the protocol's version."""


@dataclass(frozen=True, slots=True)
class _List:
    """Prompts as they are sent, and the summaries that they were made from."""

    made_from: Sequence[PromptSummary]
    entries: list[Any]
    by_name: dict[str, tuple[PromptSummary, Any]]


_NOTHING = _List((), [], {})


class ListMemory:
    """Middleware that fills lists with the prompts that their handlers passed to `write`."""

    def __init__(self) -> None:
        self._known: dict[_Form, _List] = {}
        self._asked: ContextVar[list[_List]] = ContextVar("asked")

    async def __call__(self, ctx: _Context, call_next: CallNext) -> HandlerResult:
        """Answer a list request with its prompts; pass other requests on."""
        if not ctx.method.endswith("/list"):
            return await call_next(ctx)
        lists: list[_List] = []
        self._asked.set(lists)
        result = await call_next(ctx)
        if not lists or not isinstance(result, dict):
            return result
        return {**result, _noun(ctx): lists[0].entries}

    async def write(
        self,
        ctx: _Context,
        page: Page[PromptSummary],
        present: _Present,
        *,
        view: View,
        is_whole: bool,
    ) -> None:
        """Serialise a page for the handler's answer; cache it if it is the whole list."""
        form = view, ctx.method, ctx.protocol_version
        result = self._known.get(form, _NOTHING) if is_whole else _NOTHING
        if result.made_from is not page.items:
            result = await _write(ctx, page.items, present, result)
        if is_whole:
            self._remember(form, result)
        self._asked.get().append(result)

    def _remember(self, form: _Form, result: _List) -> None:
        self._known.pop(form, None)
        self._known[form] = result
        while sum(1 + len(each.entries) for each in self._known.values()) > _MOST:
            del self._known[next(iter(self._known))]


class Published:
    """Lists of the prompts in a caller's view."""

    def __init__(self, callers: Callers, page_size: int | None, memory: ListMemory) -> None:
        self._callers = callers
        self._page_size = page_size
        self._memory = memory

    async def list(self, ctx: _Context, cursor: str | None, present: _Present) -> HandlerResult:
        """Answer with the whole list, or a page if it is too long or a page size was set."""
        library = await self._callers.library(ctx)
        page = await library.prompts.list_published(limit=self._page_size, cursor=cursor)
        is_whole = cursor is None and page.next_cursor is None
        view = library.caller.view
        await self._memory.write(ctx, page, present, view=view, is_whole=is_whole)
        return {_noun(ctx): [], "nextCursor": page.next_cursor}


async def _write(
    ctx: _Context, summaries: Sequence[PromptSummary], present: _Present, known: _List
) -> _List:
    result = _List(summaries, [], {})
    for piece in _pieces(summaries):
        fresh = [each for each in piece if not _is_known(each, known)]
        entries = dict(zip(map(_name, fresh), _sent(ctx, list(map(present, fresh))), strict=True))
        for each in piece:
            # Keep the newest of equal summaries: by identity, the next comparison is quick.
            entry = entries[each.name] if each.name in entries else known.by_name[each.name][1]
            result.entries.append(entry)
            result.by_name[each.name] = each, entry
        await asyncio.sleep(0)
    return result


def _pieces(summaries: Sequence[PromptSummary]) -> Iterator[Sequence[PromptSummary]]:
    """Cut a list into pieces that take about equally long."""
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
    """Return entries in the form of the request's protocol version."""
    if not entries:
        return entries
    noun = _noun(ctx)
    # The fields that a result needs in one version or another; only its entries are used.
    result = {noun: entries, "ttlMs": 0, "cacheScope": "private", "resultType": "complete"}
    sent: list[Any] = serialize_server_result(ctx.method, ctx.protocol_version, result)[noun]
    return sent


def _name(summary: PromptSummary) -> str:
    return summary.name


def _noun(ctx: _Context) -> str:
    return ctx.method.partition("/")[0]


def _is_known(summary: PromptSummary, known: _List) -> bool:
    cached = known.by_name.get(summary.name)
    return cached is not None and (cached[0] is summary or cached[0] == summary)
