"""Change notifications, in both protocol eras.

Everything is published on one bus. Clients of 2026-07-28 listen to it by `subscriptions/listen`.
For a client of an earlier era the handler of its `notifications/initialized` stays: it reads the
same bus and sends until the connection ends, which cancels it. So nobody has to find out which
connections still live, and a client that stopped reading holds up nobody else.
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

from mcp_server.protocol.errors import Context
from mcp_server.protocol.uris import moving_uris, parse_uri, prompt_uri
from storage.values.entities import Change
from storage.values.errors import Invalid

MAX_WATCHED = 1_000
"""Resources that one client may want to be told of."""


class Changes:
    """Tells every connected client what changed."""

    def __init__(self) -> None:
        self._bus = InMemorySubscriptionBus()
        self._listen = ListenHandler(self._bus)
        self._is_closed = False
        self._listened: Counter[str] = Counter()
        self._followers: dict[int, _Follower] = {}

    async def publish(self, changes: Sequence[Change]) -> None:
        """Tell the clients of both eras."""
        for event in self._events(changes):
            await self._bus.publish(event)

    def close(self) -> None:
        """End every listen stream in good order, and whichever is begun from now on."""
        self._is_closed = True
        self._listen.close()

    async def listen(self, ctx: Context, params: SubscriptionsListenRequestParams) -> HandlerResult:
        """Serve `subscriptions/listen` until the client leaves."""
        watched = params.notifications.resource_subscriptions or ()
        _check_number(len(watched))
        with self._listening(watched):
            if self._is_closed:
                # It has to begin before it can end in good order.
                asyncio.get_running_loop().call_soon(self._listen.close)
            return await self._listen(ctx, params)

    async def follow(self, ctx: Context, params: NotificationParams) -> None:
        """Send what is published to a client of an earlier era until it leaves."""
        key = _connection(ctx)
        if key is None or key in self._followers:
            return
        follower = self._followers[key] = _Follower()
        stop = self._bus.subscribe(follower.hear)
        try:
            while True:
                for event in await follower.take():
                    await _send(ctx.session, event)
        finally:
            stop()
            del self._followers[key]

    async def subscribe(self, ctx: Context, params: SubscribeRequestParams) -> HandlerResult:
        """Have a client of an earlier era told of one resource."""
        parse_uri(params.uri)
        watched = self._follower(ctx).uris
        _check_number(len(watched | {params.uri}))
        watched.add(params.uri)
        return EmptyResult()

    async def unsubscribe(self, ctx: Context, params: UnsubscribeRequestParams) -> HandlerResult:
        """Tell a client of an earlier era no more of one resource."""
        self._follower(ctx).uris.discard(params.uri)
        return EmptyResult()

    def _follower(self, ctx: Context) -> "_Follower":
        follower = self._followers.get(_connection(ctx) or 0)
        if follower is None:
            raise MCPError(
                INVALID_REQUEST,
                "This connection can't be notified: it needs a session whose client has sent "
                "notifications/initialized.",
            )
        return follower

    @contextmanager
    def _listening(self, uris: Iterable[str]) -> Iterator[None]:
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
        followed = (uri for follower in self._followers.values() for uri in follower.uris)
        return sorted({uri for uri in (*self._listened, *followed) if uri.startswith(beginning)})


class _Follower:
    """What a client of an earlier era is still to be told; the same thing only once."""

    def __init__(self) -> None:
        self.uris: set[str] = set()
        self._waiting: dict[ServerEvent, None] = {}
        self._something = anyio.Event()

    def hear(self, event: ServerEvent) -> None:
        """Note an event that the client wants to know of."""
        if isinstance(event, ResourceUpdated) and event.uri not in self.uris:
            return
        self._waiting[event] = None
        self._something.set()

    async def take(self) -> Iterable[ServerEvent]:
        """Wait until something was noted, and return it."""
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
    """Return what tells connections apart; None where a connection ends with its request."""
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
