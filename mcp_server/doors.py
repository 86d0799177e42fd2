"""The value that each door over HTTP exports: everything that the server needs to know."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass

from starlette.types import ASGIApp, Scope

from mcp_server.problems import Problem
from storage.values.entities import Change

ErrorPage = Callable[[Problem, Scope], ASGIApp]


@dataclass(frozen=True, slots=True)
class BodyType:
    """A type of request bodies, by its name in a sentence.

    `suffix` marks other media types of the same syntax, as `+json` does (RFC 6839).
    """

    name: str
    media_type: str
    suffix: str | None = None

    def covers(self, given: str) -> bool:
        """Return whether a media type, in lower case and without parameters, is of this type."""
        if given == self.media_type or self.suffix is None:
            return given == self.media_type
        return given.startswith("application/") and given.endswith(self.suffix)


JSON = BodyType("JSON", "application/json", "+json")
FORM = BodyType("a form", "application/x-www-form-urlencoded")
FILES = BodyType("a form with files", "multipart/form-data")


def problem_page(problem: Problem, scope: Scope) -> ASGIApp:
    """Present a refusal as the JSON of a problem."""
    return problem.response(scope["path"])


def declared_path(scope: Scope) -> str:
    """Return the declared path of the route that answered: there are few of them."""
    return str(getattr(scope.get("route"), "path", "")) or "(none)"


def _never(scope: Scope) -> bool:
    return False


def _do_nothing() -> None:
    return None


async def _pass_over(changes: Sequence[Change]) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A way to the library over HTTP.

    `paths` are answered by `app`, which sees them whole; one that ends with a slash stands for all
    below it, and the longest one decides. `open_paths` are answered for any host or
    origin that a request names.

    Bodies are of `body_types` and come whole, except for the methods and paths in `streamed`: those
    the door reads itself, a piece at a time and within limits of its own.

    `error_page` presents refusals in front of the door, and failures within it; `route` is the name
    of an answered request in the metrics.

    `is_stream` tells which answers last until their client leaves, or `end_streams` is called.
    `hear` is called with changes, and `running` surrounds the time in which requests come.
    """

    app: ASGIApp
    paths: tuple[str, ...]
    open_paths: frozenset[str] = frozenset()
    body_types: tuple[BodyType, ...] = (JSON,)
    streamed: frozenset[tuple[str, str]] = frozenset()
    error_page: ErrorPage = problem_page
    route: Callable[[Scope], str] = declared_path
    is_stream: Callable[[Scope], bool] = _never
    end_streams: Callable[[], None] = _do_nothing
    hear: Callable[[Sequence[Change]], Awaitable[None]] = _pass_over
    running: Callable[[], AbstractAsyncContextManager[None]] = nullcontext


class Doors:
    """The doors of a server. One of them has to answer `/`, and with it all other paths."""

    def __init__(self, doors: Iterable[Door]) -> None:
        self._doors = tuple(doors)
        self._by_path = {path: door for door in self._doors for path in door.paths}
        if len(self._by_path) < sum(len(door.paths) for door in self._doors):
            raise ValueError("two doors answer the same path")
        if "/" not in self._by_path:
            raise ValueError("no door answers /")
        below = [path for path in self._by_path if path.endswith("/")]
        self._below = tuple(sorted(below, key=len, reverse=True))

    def find(self, path: str) -> Door:
        """Return the door that answers a path."""
        door = self._by_path.get(path)
        if door is not None:
            return door
        # A path that doesn't begin with a slash, as the `*` of OPTIONS, goes to `/` too.
        folder = next((folder for folder in self._below if path.startswith(folder)), "/")
        return self._by_path[folder]

    async def hear(self, changes: Sequence[Change]) -> None:
        """Pass changes on to every door."""
        for door in self._doors:
            await door.hear(changes)

    def end_streams(self) -> None:
        """End the streams of every door."""
        for door in self._doors:
            door.end_streams()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep every door ready for requests while the block runs."""
        async with AsyncExitStack() as stack:
            for door in self._doors:
                await stack.enter_async_context(door.running())
            yield


def note_door(scope: Scope, door: Door) -> None:
    """Note the door that a request is for, so that it is looked up only once."""
    scope.setdefault("state", {})["door"] = door


def door_of(scope: Scope) -> Door:
    """Return the door that a request is for."""
    door: Door = scope["state"]["door"]
    return door


def refusal(problem: Problem, scope: Scope) -> ASGIApp:
    """Present a problem in the manner of the request's door."""
    return door_of(scope).error_page(problem, scope)
