"""`serve`: MCP, REST, health and metrics over HTTP."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mcp_server.cli.clients import Snippet, http_snippets
from mcp_server.cli.printing import write
from mcp_server.cli.running import Invocation, run_async, warn
from mcp_server.config import read_origins
from storage.values.errors import Invalid

if TYPE_CHECKING:
    from mcp_server.config import Settings

_PAGE = typer.Option(
    min=1,
    max=5_000,
    help="Cut MCP's lists into pages of so many prompts; otherwise up to 5,000 come at once, and "
    "more in pages of 1,000.",
)


def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="The port; 0 takes a free one.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Processes that share the port.")
    ] = None,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(help="A name that clients reach this server by (repeatable; '*' for any)."),
    ] = None,
    allowed_origin: Annotated[
        list[str] | None,
        typer.Option(help="An origin whose pages may use this server (repeatable)."),
    ] = None,
    stateless: Annotated[
        bool | None,
        typer.Option(
            "--stateless",
            help="Keep no sessions for clients of earlier protocol versions: any replica can "
            "answer them, but can't notify them.",
        ),
    ] = None,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="Bring the database's schema up to date first.")
    ] = False,
    page_size: Annotated[int | None, _PAGE] = None,
) -> None:
    """Serve MCP and REST over HTTP.

    Without DATABASE_URL it runs on the embedded PostgreSQL.
    """
    invocation = Invocation.of(context)
    options: dict[str, Any] = {
        "host": host,
        "port": port,
        "workers": workers,
        "allowed_hosts": tuple(allowed_host) if allowed_host else None,
        "allowed_origins": read_origins(allowed_origin) if allowed_origin else None,
        "stateless": stateless,
    }
    overrides = {name: value for name, value in options.items() if value is not None}
    settings = _checked(replace(invocation.settings, **overrides))
    _prepare(settings, migrate)
    from mcp_server.cli.application import make_application
    from mcp_server.http import running

    with running.bind(settings.host, settings.port) as listening:
        address = _address(settings.host, listening.getsockname()[1])
        running.serve(
            settings,
            partial(make_application, settings, invocation.caller.view, page_size),
            listening,
            started=lambda: _announce(address, settings),
        )


def _checked(settings: Settings) -> Settings:
    """Return the settings for serving; several workers make it stateless.

    Raises:
        Invalid: development headers are allowed on a host that isn't loopback.
    """
    from mcp_server.http.hosts import is_loopback

    if settings.allow_dev_headers and not is_loopback(settings.host):
        raise Invalid(
            "API_ALLOW_DEV_HEADERS lets anybody act as anybody, so it's refused on "
            f"{settings.host}, which other machines reach. Serve on 127.0.0.1, or unset it.",
            fields={"API_ALLOW_DEV_HEADERS": "is refused on a public address"},
        )
    if settings.workers == 1 or settings.stateless:
        return settings
    warn(
        f"{settings.workers} workers can't share sessions, so clients of earlier protocol versions "
        "are served without (--stateless). For their notifications, run single processes behind a "
        "proxy that keeps a session at its process."
    )
    return replace(settings, stateless=True)


def _prepare(settings: Settings, migrate: bool) -> None:
    """Migrate the embedded database, and others only on request; else check the schema.

    Raises:
        Unavailable: the database can't be reached, or its schema is behind.
    """
    from mcp_server import app

    if migrate or not settings.database_url:
        run_async(app.migrate(settings))
    else:
        run_async(app.check_schema(settings))


def _address(host: str, port: int) -> str:
    """Return the URL at which a client on this machine reaches the server."""
    from mcp_server.http.hosts import is_any_address

    reachable = "127.0.0.1" if is_any_address(host) else host
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _announce(address: str, settings: Settings) -> None:
    instructions = "\n".join(_described(snippet) for snippet in http_snippets(f"{address}/mcp"))
    write(
        f"promptstack serves from {_database(settings)}:\n\n"
        f"  MCP      {address}/mcp\n"
        f"  REST     {address}/prompts\n"
        f"  docs     {address}/docs\n"
        f"  health   {address}/healthz  {address}/readyz\n"
        f"  metrics  {address}/metrics\n\n"
        f"Connect an assistant:\n\n{instructions}\nStop with Ctrl-C (process {os.getpid()}).\n"
    )


def _described(snippet: Snippet) -> str:
    lines = "\n".join(f"    {line}" for line in snippet.text.splitlines())
    return f"  {snippet.clients} ({snippet.place}):\n{lines}\n"


def _database(settings: Settings) -> str:
    from mcp_server.app import make_connector

    return make_connector(settings).describe()
