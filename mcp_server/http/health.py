"""Is it alive, and can it serve."""

import anyio
from starlette.responses import JSONResponse

from mcp_server.app import Live
from storage.errors import PromptError
from storage.schema import is_current, needed_revision

_SECONDS = 2.0
"""How long the database may take to answer a probe."""


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
    try:
        with anyio.fail_after(_SECONDS):
            current = await is_current(live.database)
    except TimeoutError:
        checks |= {"database": f"no answer within {_SECONDS:g} seconds", "schema": "unknown"}
    except PromptError as error:
        checks |= {"database": error.message, "schema": "unknown"}
    else:
        if not current:
            checks["schema"] = f"is older than '{needed_revision()}': run `promptstack migrate`"
    ready = checks == {"database": "ok", "schema": "ok"}
    body = {
        "status": "ready" if ready else "not ready",
        "checks": {**checks, "listening": live.listener.listening},
    }
    return JSONResponse(body, 200 if ready else 503, {"cache-control": "no-store"})
