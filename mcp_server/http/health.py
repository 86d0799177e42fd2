"""Is it alive, and can it serve."""

import logging

import anyio
from starlette.responses import JSONResponse

from mcp_server.app import Live, needed_revision
from storage.values.errors import PromptError

_SECONDS = 2.0
"""How long the database may take to answer a probe."""

logger = logging.getLogger(__name__)


def alive() -> JSONResponse:
    """Answer `/healthz`: the process answers at all. A database that is away is no reason to end
    it, since it recovers by itself."""
    return JSONResponse({"status": "alive"})


async def readiness(live: Live) -> JSONResponse:
    """Answer `/readyz`: 200 while the database is up and its schema is what this code needs.

    `listening` is told, but a process that can't hear changes still serves: it reads from the
    database each time.
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
        # Anybody may ask: where the database is, is for the log.
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
