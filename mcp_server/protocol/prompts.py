"""`prompts/list` and `prompts/get`."""

import logging

from mcp.server.context import HandlerResult
from mcp_types import GetPromptRequestParams, PaginatedRequestParams

from mcp_server.protocol.asking import can_ask, filled_in, question, was_asked
from mcp_server.protocol.callers import Callers
from mcp_server.protocol.contents import Json, argument_description, prompt_messages, version_meta
from mcp_server.protocol.errors import Context
from mcp_server.protocol.lists import Published
from storage.values.entities import Argument, PromptSummary

logger = logging.getLogger(__name__)


class PromptHandlers:
    """The handlers of requests about prompts."""

    def __init__(self, callers: Callers, published: Published) -> None:
        self._callers = callers
        self._published = published

    async def list(self, ctx: Context, params: PaginatedRequestParams) -> HandlerResult:
        """List the published prompts."""
        return await self._published.list(ctx, params.cursor, _prompt)

    async def get(self, ctx: Context, params: GetPromptRequestParams) -> HandlerResult:
        """Render a reference's version; ask for missing arguments if the client can."""
        library = await self._callers.library(ctx)
        # The state names the version of the form, even if a label has moved meanwhile.
        name = params.request_state or params.name
        reader = self._callers.reader(ctx, params)
        arguments = {**(params.arguments or {}), **filled_in(params)}
        if can_ask(ctx) and not was_asked(params):
            missing = await library.prompts.missing(name, arguments, reader=reader)
            if missing.arguments:
                return question(missing)
        rendered = await library.prompts.render(name, arguments, reader=reader, lenient=True)
        if rendered.ignored:
            logger.info("%s was given unknown arguments: %s", params.name, rendered.ignored)
        return {
            "description": rendered.source.prompt.description,
            "messages": prompt_messages(rendered.messages),
            "_meta": version_meta(rendered.source),
        }


def _prompt(summary: PromptSummary) -> Json:
    return {
        "name": summary.name,
        "title": summary.title,
        "description": summary.description,
        "arguments": [_argument(argument) for argument in summary.arguments],
        "_meta": {
            "promptstack/version": summary.version,
            "promptstack/labels": list(summary.labels),
            "promptstack/tags": list(summary.tags),
            "promptstack/folder": summary.folder,
        },
    }


def _argument(argument: Argument) -> Json:
    return {
        "name": argument.name,
        "title": argument.title,
        "description": argument_description(argument) or None,
        "required": argument.required,
    }
