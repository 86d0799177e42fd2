"""Request bodies as strict JSON (RFC 8259): UTF-8, each key once, no NaN."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mcp_server.domain.strict_json import NotStrict, no_constant, unique


class JsonRoute(APIRoute):
    """A route that refuses JSON on which parsers disagree."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of requests, which reads JSON bodies strictly."""
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def read(request: Request) -> Response:
            return await handle(_JsonRequest(request.scope, request.receive))

        return read


class _JsonRequest(Request):
    async def json(self) -> Any:
        return read_json(await self.body())


def read_json(body: bytes) -> Any:
    """Read a body.

    Raises:
        HTTPException: it isn't JSON, or parsers disagree on it; the status is 400.
    """
    try:
        return json.loads(
            body.decode("utf-8-sig"), parse_constant=no_constant, object_pairs_hook=unique
        )
    except UnicodeDecodeError as error:
        reason = f"it isn't UTF-8 from byte {error.start} on"
    except json.JSONDecodeError as error:
        reason = f"it can't be read from character {error.pos} on"
    except RecursionError:
        reason = "it is nested too deeply"
    except NotStrict as error:
        reason = error.reason(lambda key: json.dumps(key[:40]))
    except ValueError:
        reason = "a number in it has too many digits"
    raise HTTPException(400, f"The body can't be read as JSON: {reason}")
