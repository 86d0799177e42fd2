"""Change notifications, in both protocol eras.

Everything is published on one bus. Clients of 2026-07-28 listen to it by `subscriptions/listen`.
For a client of an earlier era, the handler of its `notifications/initialized` keeps running: it
reads the same bus and sends until the connection ends, which cancels it. So nothing has to track
live connections, and a client that stops reading holds up no other.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import assert_never

import anyio
from mcp.server.context import HandlerResult
from mcp.server.session import ServerSession
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_REQUEST,
    EmptyResult,
    NotificationParams,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    UnsubscribeRequestParams,
)

from mcp_server.protocol.callers import Callers
from mcp_server.protocol.errors import Context
from mcp_server.protocol.uris import moving_uris, parse_uri, prompt_uri
from mcp_server.service.views import View
from storage.values.entities import Change
from storage.values.errors import Invalid

MAX_WATCHED = 1_000
"""The most resources that one client may subscribe to."""


class Changes:
    """Notifies every connected client of changes in its caller's view."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._audiences: dict[View, _Audience] = {}
        self._is_closed = False

    async def publish(self, changes: Sequence[Change]) -> None:
        """Notify the clients of both eras."""
        for audience in tuple(self._audiences.values()):
            await audience.tell(changes)

    def close(self) -> None:
        """End every listen stream in good order, including those that begin later."""
        self._is_closed = True
        self._end_streams()

    async def listen(self, ctx: Context, params: SubscriptionsListenRequestParams) -> HandlerResult:
        """Serve `subscriptions/listen` until the client leaves."""
        watched = params.notifications.resource_subscriptions or ()
        _check_number(len(watched))
        await self._check_shown(ctx, watched)
        with self._audience(ctx) as audience, audience.listening(watched):
            if self._is_closed:
                # It has to begin before it can end in good order.
                asyncio.get_running_loop().call_soon(self._end_streams)
            return await audience.listen(ctx, params)

    async def follow(self, ctx: Context, params: NotificationParams) -> None:
        """Send published events to a client of an earlier era until it leaves."""
        key = _connection(ctx)
        if key is None:
            return
        with self._audience(ctx) as audience:
            await audience.follow(key, ctx.session)

    async def subscribe(self, ctx: Context, params: SubscribeRequestParams) -> HandlerResult:
        """Subscribe a client of an earlier era to a resource."""
        parse_uri(params.uri)
        await self._check_shown(ctx, (params.uri,))
        watched = self._follower(ctx).uris
        _check_number(len(watched | {params.uri}))
        watched.add(params.uri)
        return EmptyResult()

    async def unsubscribe(self, ctx: Context, params: UnsubscribeRequestParams) -> HandlerResult:
        """Unsubscribe a client of an earlier era from a resource."""
        self._follower(ctx).uris.discard(params.uri)
        return EmptyResult()

    @contextmanager
    def _audience(self, ctx: Context) -> Iterator["_Audience"]:
        """Yield the audience of the caller's view, which exists as long as it has members."""
        view = self._callers.caller(ctx).view
        audience = self._audiences.setdefault(view, _Audience(view))
        audience.size += 1
        try:
            yield audience
        finally:
            audience.size -= 1
            if not audience.size:
                del self._audiences[view]

    def _follower(self, ctx: Context) -> "_Follower":
        audience = self._audiences.get(self._callers.caller(ctx).view)
        follower = audience.followers.get(_connection(ctx) or 0) if audience else None
        if follower is None:
            raise MCPError(
                INVALID_REQUEST,
                "This connection can't be notified: it needs a session whose client has sent "
                "notifications/initialized.",
            )
        return follower

    async def _check_shown(self, ctx: Context, uris: Iterable[str]) -> None:
        """Refuse resources of prompts that the caller doesn't see.

        A view of the whole library refuses nothing, and doesn't wait for a library that is still
        starting: resources may be watched before they exist.

        Raises:
            Invalid, NotFound: one of the resources can't be in view.
        """
        if self._callers.caller(ctx).view.is_partial:
            library = await self._callers.library(ctx)
            for uri in uris:
                await library.prompts.check_shown(parse_uri(uri).reference)

    def _end_streams(self) -> None:
        for audience in self._audiences.values():
            audience.listen.close()


class _Audience:
    """The clients whose callers share a view."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._bus = InMemorySubscriptionBus()
        self._listened: Counter[str] = Counter()
        self.listen = ListenHandler(self._bus)
        self.followers: dict[int, _Follower] = {}
        self.size = 0

    async def tell(self, changes: Sequence[Change]) -> None:
        """Publish the changes that are in view."""
        for event in self._events([each for each in changes if self._view.hears(each)]):
            await self._bus.publish(event)

    async def follow(self, key: int, session: ServerSession) -> None:
        """Send events to a client of an earlier era until it leaves."""
        if key in self.followers:
            return
        follower = self.followers[key] = _Follower()
        stop = self._bus.subscribe(follower.hear)
        try:
            while True:
                for event in await follower.next_events():
                    await _send(session, event)
        finally:
            stop()
            del self.followers[key]

    @contextmanager
    def listening(self, uris: Iterable[str]) -> Iterator[None]:
        """Count resources as watched for the duration of the context."""
        watched = Counter(set(uris))
        self._listened += watched
        try:
            yield
        finally:
            self._listened -= watched

    def _events(self, changes: Sequence[Change]) -> Iterator[ServerEvent]:
        if any(change.listed or change.kind == "everything" for change in changes):
            yield PromptsListChanged()
            yield ResourcesListChanged()
        touched = (uri for change in changes for uri in self._touched(change))
        for uri in dict.fromkeys(touched):
            yield ResourceUpdated(uri)

    def _touched(self, change: Change) -> Iterable[str]:
        """Return the URIs that a change concerns."""
        match change.kind:
            case "everything":
                return self._watched("")
            case "prompt":
                # It may be archived or restored, with everything below it.
                below = f"{prompt_uri(change.name)}/"
                return (*moving_uris(change.name, None), *self._watched(below))
            case "version" | "label":
                return moving_uris(change.name, change.label)
            case _:
                assert_never(change.kind)

    def _watched(self, beginning: str) -> list[str]:
        followed = (uri for follower in self.followers.values() for uri in follower.uris)
        return sorted({uri for uri in (*self._listened, *followed) if uri.startswith(beginning)})


class _Follower:
    """The pending events of a client of an earlier era, without duplicates."""

    def __init__(self) -> None:
        self.uris: set[str] = set()
        self._waiting: dict[ServerEvent, None] = {}
        self._something = anyio.Event()

    def hear(self, event: ServerEvent) -> None:
        """Queue an event, unless it concerns a resource that the client doesn't watch."""
        if isinstance(event, ResourceUpdated) and event.uri not in self.uris:
            return
        self._waiting[event] = None
        self._something.set()

    async def next_events(self) -> Iterable[ServerEvent]:
        """Wait until events are pending, and take them."""
        await self._something.wait()
        self._something = anyio.Event()
        waiting, self._waiting = self._waiting, {}
        return waiting


def _check_number(watched: int) -> None:
    if watched > MAX_WATCHED:
        raise Invalid(
            f"A client is told of at most {MAX_WATCHED:,} resources, and these would be "
            f"{watched:,}. Unsubscribe from some, or watch the lists instead."
        )


def _connection(ctx: Context) -> int | None:
    """Return a connection's identity; None if the connection ends with its request."""
    handshake = ctx.session.client_params
    return None if handshake is None else id(handshake)


async def _send(session: ServerSession, event: ServerEvent) -> None:
    match event:
        case PromptsListChanged():
            await session.send_prompt_list_changed()
        case ResourcesListChanged():
            await session.send_resource_list_changed()
        case ToolsListChanged():
            await session.send_tool_list_changed()
        case ResourceUpdated():
            await session.send_resource_updated(event.uri)
