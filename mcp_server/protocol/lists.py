"""The long lists, remembered prompt by prompt in the form in which they are sent.

The SDK checks and copies every result. For ten thousand prompts that takes half a second, in which
nobody else is answered; so a handler presents only the prompts that are new, and the others are put
back between them as they were sent last time.
"""

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

from storage.entities import PromptSummary
from storage.pages import Page

_MOST = 6
"""Lists remembered: each of the two, in the protocol versions that clients speak."""

_Presented = dict[str, tuple[PromptSummary, Any]]
_Context = ServerRequestContext[Any, Any]


@dataclass(slots=True)
class _Request:
    """What a list request is answered with, noted by its handler."""

    listed: Sequence[PromptSummary] = ()
    fresh: Sequence[PromptSummary] = ()
    known: _Presented | None = None


class ListMemory:
    """Middleware that completes the lists of handlers which asked what is `fresh`."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], _Presented] = {}
        self._request: ContextVar[_Request] = ContextVar("list_request")

    async def __call__(self, ctx: _Context, call_next: CallNext) -> HandlerResult:
        """Answer a request; other requests than lists pass."""
        if not ctx.method.endswith("/list"):
            return await call_next(ctx)
        request = _Request()
        self._request.set(request)
        result = await call_next(ctx)
        if request.known is None or not isinstance(result, dict):
            return result
        return self._complete(ctx, request, request.known, result)

    def fresh(self, ctx: _Context, page: Page[PromptSummary]) -> Sequence[PromptSummary]:
        """Return the prompts that a handler has to present; the others will be added."""
        request, known = self._request.get(), self._known.get(_form(ctx), {})
        request.known, request.listed = known, page.items
        request.fresh = [each for each in page.items if not _is_known(each, known)]
        return request.fresh

    def _complete(
        self, ctx: _Context, request: _Request, known: _Presented, result: dict[str, Any]
    ) -> HandlerResult:
        noun = ctx.method.partition("/")[0]
        made = zip(request.fresh, result[noun], strict=True)
        presented = known | {summary.name: (summary, written) for summary, written in made}
        listed = {summary.name: presented[summary.name] for summary in request.listed}
        self._remember(_form(ctx), listed)
        return {**result, noun: [written for _, written in listed.values()]}

    def _remember(self, form: tuple[str, str], presented: _Presented) -> None:
        self._known.pop(form, None)
        self._known[form] = presented
        while len(self._known) > _MOST:
            del self._known[next(iter(self._known))]


def _form(ctx: _Context) -> tuple[str, str]:
    """Return what decides how a prompt is written."""
    return ctx.method, ctx.protocol_version


def _is_known(summary: PromptSummary, known: _Presented) -> bool:
    kept = known.get(summary.name)
    return kept is not None and (kept[0] is summary or kept[0] == summary)
