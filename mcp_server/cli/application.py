"""The server over HTTP, put together: its library, its figures, and the list of its doors."""

from dataclasses import replace

from mcp_server import version
from mcp_server.config import Settings
from mcp_server.http.application import Application
from mcp_server.http.endpoint import mcp_door
from mcp_server.http.health import probes
from mcp_server.http.library import ServedLibrary
from mcp_server.http.metrics import Metrics
from mcp_server.http.tracing import is_traced
from mcp_server.protocol.server import ServerOptions, build_server
from mcp_server.rest.api import rest_door
from mcp_server.rest.door import RestDoor
from mcp_server.service.callers import Caller
from mcp_server.service.views import View


def make_application(settings: Settings, view: View, page_size: int | None = None) -> Application:
    """Make the application that serves a view of the library; it opens no connection yet.

    Raises:
        Invalid: the settings contradict each other.
    """
    default_caller = Caller(settings.actor, view)
    library, metrics = ServedLibrary(settings), Metrics()
    options = ServerOptions(
        version=version(),
        caller=default_caller,
        page_size=page_size,
        state_keys=settings.state_keys,
        traced=is_traced(),
    )
    mcp = build_server(library.ready, options)
    mcp.server.middleware.insert(0, metrics.observe_call)
    rest = RestDoor(library.ready, replace(default_caller, door="rest"), settings.max_import)
    doors = (mcp_door(mcp, settings), rest_door(rest, version()), probes(library.live, metrics))
    return Application(settings, default_caller, library, metrics, doors)
