"""Request bodies as JSON, read by the letter (RFC 8259): UTF-8, each key once, no NaN."""

import json
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response


class JsonRoute(APIRoute):
    """A route that refuses what other parsers read in other ways, or not at all."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def read(request: Request) -> Response:
            return await handle(_JsonRequest(request.scope, request.receive))

        return read


class _JsonRequest(Request):
    async def json(self) -> Any:
        return read_json(await self.body())


class _Refused(ValueError):
    """JSON in which something can't be accepted."""


def read_json(body: bytes) -> Any:
    """Read a body.

    Raises:
        HTTPException: with status 400; it isn't JSON, or means something else to other parsers.
    """
    try:
        return json.loads(
            body.decode("utf-8-sig"), parse_constant=_no_constant, object_pairs_hook=_unique
        )
    except UnicodeDecodeError as error:
        reason = f"it isn't UTF-8 from byte {error.start} on"
    except json.JSONDecodeError as error:
        reason = f"it can't be read from character {error.pos} on"
    except RecursionError:
        reason = "it is nested too deeply"
    except _Refused as error:
        reason = str(error)
    except ValueError:
        reason = "a number in it has too many digits"
    raise HTTPException(400, f"The body can't be read as JSON: {reason}")


def _no_constant(name: str) -> NoReturn:
    raise _Refused(f"JSON has no {name}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its pairs; of two with one key nobody could say which is meant."""
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in made if keys.count(key) > 1)
        raise _Refused(f"the key {json.dumps(twice[:40])} stands twice in one object")
    return made
