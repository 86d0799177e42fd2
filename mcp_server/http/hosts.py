"""The host names that are answered, and the web pages that may send requests.

A page in a browser can reach a server on the same machine, also by a name that its owner points
there (DNS rebinding). So a request has to name this server as its host, and its origin, if
it has one, has to be this server or one that was allowed (MCP 2026-07-28, basic/transports,
security warning).
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_server.doors import door_of, refusal
from mcp_server.problems import Problem
from storage.values.errors import Invalid

ANY = "*"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_NAMING = (b"host", b"origin")
_MOST_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """Names in lower case, each with or without a port; loopback's own are always among them."""

    hosts: frozenset[str]
    origins: frozenset[str]

    @classmethod
    def of(cls, address: str, hosts: Sequence[str], origins: Sequence[str]) -> "AllowedHosts":
        """Return the allowed hosts and origins of a server that listens on an address.

        Raises:
            Invalid: it listens on all addresses, and no host name is given.
        """
        if is_any_address(address) and not hosts:
            raise Invalid(
                f"Serving on {address} is open to other machines, so say by which names they reach "
                "it: add --allowed-host prompts.example.com (repeatable), or --allowed-host '*' "
                "behind a proxy that checks the host itself.",
                fields={"allowed_host": "is needed with this address"},
            )
        names = (host.lower() for host in (address, *hosts))
        return cls(frozenset(names) | _LOOPBACK, frozenset(origins))

    def admits_host(self, host: str | None) -> bool:
        """Return whether a Host header names this server."""
        if ANY in self.hosts:
            return True
        if not host:
            return False
        return host.lower() in self.hosts or _name(host) in self.hosts

    def admits_origin(self, origin: str | None, host: str | None) -> bool:
        """Return whether pages of an origin may send requests; other clients send no origin."""
        if origin is None or ANY in self.origins or origin in self.origins:
            return True
        try:
            return urlsplit(origin).netloc.lower() == (host or "").lower() != ""
        except ValueError:
            return False


class HostGuard:
    """Refuses requests that are meant for another host, or sent by a page of another origin."""

    def __init__(self, app: ASGIApp, allowed: AllowedHosts) -> None:
        self._app = app
        self._allowed = allowed
        self._admitted: set[tuple[tuple[bytes, bytes], ...]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on."""
        if scope["type"] != "http" or scope["path"] in door_of(scope).open_paths:
            return await self._app(scope, receive, send)
        pairs = _host_headers(scope)
        if pairs in self._admitted:
            return await self._app(scope, receive, send)
        problem = self._problem(scope)
        if problem is not None:
            return await refusal(problem, scope)(scope, receive, send)
        # The same few hosts and origins recur with every request.
        if len(self._admitted) < _MOST_REMEMBERED:
            self._admitted.add(pairs)
        return await self._app(scope, receive, send)

    def _problem(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host"), headers.get("origin")
        if max(len(headers.getlist(name)) for name in ("host", "origin")) > 1:
            return Problem(400, "The header Host, or Origin, stands twice. Send it once.")
        if not self._allowed.admits_host(host):
            return Problem(
                421,
                f"This server isn't reached by the host name '{(host or '')[:100]}'. If it should "
                "be, start it with --allowed-host and that name.",
            )
        if not self._allowed.admits_origin(origin, host):
            return Problem(
                403,
                f"Pages of '{(origin or '')[:100]}' may not use this server. If they should, start "
                "it with --allowed-origin and that origin.",
            )
        return None


def _host_headers(scope: Scope) -> tuple[tuple[bytes, bytes], ...]:
    """Return the raw Host and Origin headers of a request."""
    return tuple(pair for pair in scope["headers"] if pair[0] in _NAMING)


def is_loopback(address: str) -> bool:
    """Return whether only this machine reaches an address."""
    return address in _LOOPBACK or (_is_ip(address) and ipaddress.ip_address(address).is_loopback)


def is_any_address(address: str) -> bool:
    """Return whether an address stands for all addresses of the machine."""
    return address == "" or (_is_ip(address) and ipaddress.ip_address(address).is_unspecified)


def _is_ip(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def _name(host: str) -> str:
    """Return a Host header without its port; '' if it isn't a host."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""
