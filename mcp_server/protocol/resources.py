"""`resources/list`, `resources/templates/list` and `resources/read`."""

import json

from mcp.server.context import HandlerResult
from mcp_types import PaginatedRequestParams, ReadResourceRequestParams

from mcp_server.protocol.callers import Callers
from mcp_server.protocol.contents import (
    MARKDOWN,
    Json,
    fixed_meta,
    resource_contents,
    version_meta,
)
from mcp_server.protocol.errors import Context
from mcp_server.protocol.lists import Published
from mcp_server.protocol.uris import HISTORY, LABEL, PROMPT, VERSION, parse_uri, prompt_uri
from storage.values.entities import PromptSummary
from storage.values.pages import decode_cursor

JSON = "application/json"
FIXED_SECONDS = 24 * 60 * 60
"""A version never changes, so a client may keep it; for a day only, as prompts may be purged."""

_HISTORY = 500
"""Versions in a history; list_versions has the older ones."""

_TEMPLATES: tuple[tuple[str, str, str, str, str], ...] = (
    (PROMPT, "prompt", "Prompt", "A prompt's text as it is served now.", MARKDOWN),
    (VERSION, "prompt-version", "Version", "One version of a prompt; never changes.", MARKDOWN),
    (
        LABEL,
        "prompt-label",
        "Label",
        "The version that a label points at now; 'latest' is the newest of main.",
        MARKDOWN,
    ),
    (HISTORY, "prompt-history", "History", "A prompt's versions, newest first, as JSON.", JSON),
)


class ResourceHandlers:
    """The handlers of requests about resources."""

    def __init__(self, callers: Callers, published: Published) -> None:
        self._callers = callers
        self._published = published

    async def list(self, ctx: Context, params: PaginatedRequestParams) -> HandlerResult:
        """List each prompt's served version; other versions and labels are found by template."""
        return await self._published.list(ctx, params.cursor, _resource)

    async def list_templates(self, ctx: Context, params: PaginatedRequestParams) -> HandlerResult:
        """List the templates of URIs."""
        if params.cursor is not None:
            decode_cursor("templates", params.cursor)
        return {"resourceTemplates": [_template(*template) for template in _TEMPLATES]}

    async def read(self, ctx: Context, params: ReadResourceRequestParams) -> HandlerResult:
        """Read a version's text with its blanks unfilled, or a history."""
        target = parse_uri(params.uri)
        if target.history:
            return await self._read_history(ctx, params.uri, target.reference)
        library = await self._callers.library(ctx)
        source = await library.prompts.get(target.reference)
        messages = source.messages
        if not target.fixed:
            return {"contents": resource_contents(params.uri, messages, version_meta(source))}
        return {
            "contents": resource_contents(params.uri, messages, fixed_meta(source)),
            "ttlMs": FIXED_SECONDS * 1000,
        }

    async def _read_history(self, ctx: Context, uri: str, name: str) -> HandlerResult:
        # Loaded here: shapes aren't needed for the handshake.
        from mcp_server.schemas.versions import present_versions

        library = await self._callers.library(ctx)
        page = await library.versions.list(name, limit=_HISTORY)
        text = json.dumps(present_versions(page).write(), ensure_ascii=False, indent=2)
        return {"contents": [{"uri": uri, "mimeType": JSON, "text": text}]}


def _resource(summary: PromptSummary) -> Json:
    return {
        "uri": prompt_uri(summary.name),
        "name": summary.name,
        "title": summary.title,
        "description": summary.description,
        "mimeType": MARKDOWN,
        "_meta": {"promptstack/version": summary.version},
    }


def _template(uri: str, name: str, title: str, description: str, mime_type: str) -> Json:
    return {
        "uriTemplate": uri,
        "name": name,
        "title": title,
        "description": description,
        "mimeType": mime_type,
    }
