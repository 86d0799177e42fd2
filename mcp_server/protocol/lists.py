"""The long lists, remembered in the form in which they are sent.

The SDK checks and copies every result. For ten thousand prompts that takes half a second, in which
nobody else is answered; so a list that is the same as last time is sent as it was made then.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

from storage.entities import PromptSummary
from storage.pages import Page

_LISTS = ("prompts/list", "resources/list")
_MOST = 6
"""Answers kept: each list, in the protocol versions that clients speak."""


@dataclass(frozen=True, slots=True)
class _Kept:
    page: Page[PromptSummary]
    result: HandlerResult


@dataclass(slots=True)
class _Request:
    """What a list request answers with, noted by its handler."""

    page: Page[PromptSummary] | None = None


@dataclass
class Recalled(Exception):
    """Ends a list request early: its answer is known."""

    result: HandlerResult


@dataclass
class ListMemory:
    """Middleware that keeps the last answer of each list."""

    _kept: dict[tuple[str, str], _Kept] = field(default_factory=dict)
    _request: ContextVar[_Request] = field(default_factory=lambda: ContextVar("list_request"))

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Answer from memory where the handler finds that nothing changed."""
        if ctx.method not in _LISTS:
            return await call_next(ctx)
        request = _Request()
        self._request.set(request)
        try:
            result = await call_next(ctx)
        except Recalled as recalled:
            return recalled.result
        if request.page is not None:
            self._keep((ctx.method, ctx.protocol_version), _Kept(request.page, result))
        return result

    def recall(self, ctx: ServerRequestContext[Any, Any], page: Page[PromptSummary]) -> None:
        """End the request where this page has been answered before; else have it kept.

        Raises:
            Recalled: the answer is known.
        """
        kept = self._kept.get((ctx.method, ctx.protocol_version))
        if kept is not None and kept.page == page:
            raise Recalled(kept.result)
        self._request.get().page = page

    def _keep(self, key: tuple[str, str], kept: _Kept) -> None:
        self._kept.pop(key, None)
        self._kept[key] = kept
        while len(self._kept) > _MOST:
            del self._kept[next(iter(self._kept))]
