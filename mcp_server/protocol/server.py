"""The MCP server: its methods and their handlers.

The handshake is answered before the database's modules are imported, so nothing here may import
more of the service than plain data.
"""

from dataclasses import dataclass
from typing import Any

import mcp_types as types
from mcp.server.caching import CacheHint
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.models import InitializationOptions
from mcp_types.methods import CacheableMethod

from mcp_server.protocol.asking import SealedState
from mcp_server.protocol.callers import Callers
from mcp_server.protocol.changes import Changes
from mcp_server.protocol.completions import CompletionHandlers
from mcp_server.protocol.errors import answering
from mcp_server.protocol.instructions import instructions
from mcp_server.protocol.lists import ListMemory, Published
from mcp_server.protocol.options import Ready, ServerOptions
from mcp_server.protocol.params import readable_params
from mcp_server.protocol.prompts import PromptHandlers
from mcp_server.protocol.resources import ResourceHandlers
from mcp_server.protocol.tools.calls import ToolHandlers

__all__ = ["McpDoor", "Ready", "ServerOptions", "build_server"]

_MINUTES = 60_000

# Prompts may change at any moment, and a client that isn't subscribed wouldn't know: lists and
# texts are stale at once, except for versions named by number (see resources.py). The server's own
# declarations change only with the server. Nothing is public: prompts may be for authorised eyes
# only, and a shared cache in between would show them to others.
_CACHE_HINTS: dict[CacheableMethod, CacheHint] = {
    "prompts/list": CacheHint(),
    "resources/list": CacheHint(),
    "resources/read": CacheHint(),
    "resources/templates/list": CacheHint(ttl_ms=10 * _MINUTES),
    "tools/list": CacheHint(ttl_ms=10 * _MINUTES),
    "server/discover": CacheHint(ttl_ms=10 * _MINUTES),
}


class _Server(Server[Any]):
    """A server that offers change notifications however it is run."""

    def create_initialization_options(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
    ) -> InitializationOptions:
        """Return the options of the handshake of the earlier eras."""
        offered = NotificationOptions(prompts_changed=True, resources_changed=True)
        return super().create_initialization_options(
            notification_options or offered, experimental_capabilities, extensions
        )


@dataclass(frozen=True, slots=True)
class McpDoor:
    """The server, and the notifier of its clients."""

    server: Server[Any]
    changes: Changes

    def initialization_options(self) -> InitializationOptions:
        """Return the options that `server.run` takes."""
        return self.server.create_initialization_options()


def build_server(ready: Ready, options: ServerOptions) -> McpDoor:
    """Build the server of a library that may still be starting."""
    server = _Server(
        "promptstack",
        version=options.version,
        title="promptstack",
        description="A library of prompts: versioned, labelled, searchable.",
        instructions=instructions(options.caller.view),
        cache_hints=_CACHE_HINTS,
        # No argument of a tool is repeated in a header, so there is nothing to compare.
        get_tool_input_schema=lambda name: None,
    )
    if not options.traced:
        server.middleware.clear()  # the only one of a new server makes the spans
    callers = Callers(ready, options.caller)
    memory, changes = ListMemory(), Changes(callers)
    published = Published(callers, options.page_size, memory)
    server.middleware.append(readable_params)
    server.middleware.append(memory)
    server.middleware.append(SealedState(options.state_keys))
    _add_prompts(server, PromptHandlers(callers, published))
    _add_resources(server, ResourceHandlers(callers, published))
    _add_tools(server, ToolHandlers(callers))
    _add_changes(server, changes)
    completions = CompletionHandlers(callers)
    server.add_request_handler(
        "completion/complete", types.CompleteRequestParams, answering(completions.complete)
    )
    return McpDoor(server, changes)


def _add_prompts(server: Server[Any], prompts: PromptHandlers) -> None:
    server.add_request_handler(
        "prompts/list", types.PaginatedRequestParams, answering(prompts.list)
    )
    server.add_request_handler("prompts/get", types.GetPromptRequestParams, answering(prompts.get))


def _add_resources(server: Server[Any], resources: ResourceHandlers) -> None:
    server.add_request_handler(
        "resources/list", types.PaginatedRequestParams, answering(resources.list)
    )
    server.add_request_handler(
        "resources/templates/list",
        types.PaginatedRequestParams,
        answering(resources.list_templates),
    )
    server.add_request_handler(
        "resources/read", types.ReadResourceRequestParams, answering(resources.read)
    )


def _add_tools(server: Server[Any], tools: ToolHandlers) -> None:
    server.add_request_handler("tools/list", types.PaginatedRequestParams, answering(tools.list))
    server.add_request_handler("tools/call", types.CallToolRequestParams, answering(tools.call))


def _add_changes(server: Server[Any], changes: Changes) -> None:
    server.add_request_handler(
        "subscriptions/listen", types.SubscriptionsListenRequestParams, answering(changes.listen)
    )
    server.add_request_handler(
        "resources/subscribe", types.SubscribeRequestParams, answering(changes.subscribe)
    )
    server.add_request_handler(
        "resources/unsubscribe", types.UnsubscribeRequestParams, answering(changes.unsubscribe)
    )
    server.add_notification_handler(
        "notifications/initialized", types.NotificationParams, changes.follow
    )
