"""Probes for platforms (is the server alive, can it serve?), and its metrics."""

import logging
from collections.abc import Callable

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mcp_server.app import Live, needed_revision
from mcp_server.doors import Door
from mcp_server.http.metrics import Metrics
from mcp_server.problems import of_http, on_bug
from storage.values.errors import PromptError

_SECONDS = 2.0
"""How long the database may take to answer a probe."""

logger = logging.getLogger(__name__)


def probes(live: Callable[[], Live], metrics: Metrics) -> Door:
    """Return the probes and metrics of a library as a door."""

    async def ready(request: Request) -> Response:
        return await readiness(live())

    async def figures(request: Request) -> Response:
        metrics.look(live())
        return metrics.answer(request)

    answers = {"/healthz": _alive, "/readyz": ready, "/metrics": figures}
    return Door(
        app=Starlette(
            routes=[Route(path, answer) for path, answer in answers.items()],
            exception_handlers={HTTPException: _on_http, Exception: on_bug},
        ),
        # Those with one slash too many are redirected.
        paths=(*answers, *(f"{path}/" for path in answers)),
        # Platforms ask by address, and there is nothing in the answers that a page could want.
        open_paths=frozenset(answers),
        # Probes are frequent and say nothing about the use of the library.
        route=lambda scope: "(none)",
    )


async def _alive(request: Request) -> Response:
    """Answer `/healthz`: the process is alive.

    A database that is away is no reason to restart the process, which recovers by itself.
    """
    return JSONResponse({"status": "alive"})


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    allowed = dict(error.headers or {}).get("Allow", "")
    return of_http(request, error, allowed).response(request.scope["path"])


async def readiness(live: Live) -> JSONResponse:
    """Answer `/readyz`: 200 while the database is up and its schema is current.

    `listening` is only reported: a process that can't hear changes still serves, and reads from
    the database each time.
    """
    checks = {"database": "ok", "schema": "ok"}
    if live.database.pool.is_full:
        # Every connection is at work, so the database answers; taking a busy process out of the
        # rotation would only make the others busier.
        return _answer(checks, live)
    try:
        with anyio.fail_after(_SECONDS):
            current = await live.has_current_schema()
    except TimeoutError:
        checks |= {"database": f"no answer within {_SECONDS:g} seconds", "schema": "unknown"}
    except PromptError as error:
        # Anybody may ask, so the database's address goes to the log only.
        logger.warning("not ready: %s", error)
        checks |= {"database": "away", "schema": "unknown"}
    else:
        if not current:
            checks["schema"] = f"is older than '{needed_revision()}': run `promptstack migrate`"
    return _answer(checks, live)


def _answer(checks: dict[str, str], live: Live) -> JSONResponse:
    ready = checks == {"database": "ok", "schema": "ok"}
    body = {
        "status": "ready" if ready else "not ready",
        "checks": {**checks, "listening": live.listener.listening},
    }
    return JSONResponse(body, 200 if ready else 503, {"cache-control": "no-store"})
