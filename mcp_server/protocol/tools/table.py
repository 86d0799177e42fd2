"""The table of all tools, in the order in which they are listed."""

from collections.abc import Mapping
from typing import Any

from mcp_server.protocol.tools.branches import CREATE_BRANCH, MERGE_BRANCH
from mcp_server.protocol.tools.labels import SET_LABEL
from mcp_server.protocol.tools.prompts import (
    ARCHIVE_PROMPT,
    CREATE_PROMPT,
    GET_PROMPT,
    RENDER_PROMPT,
    UPDATE_PROMPT,
)
from mcp_server.protocol.tools.search import SEARCH_PROMPTS
from mcp_server.protocol.tools.tool import Tool
from mcp_server.protocol.tools.versions import DIFF_VERSIONS, LIST_VERSIONS, RESTORE_VERSION

TOOLS: Mapping[str, Tool[Any, Any]] = {
    tool.name: tool
    for tool in (
        SEARCH_PROMPTS,
        GET_PROMPT,
        RENDER_PROMPT,
        CREATE_PROMPT,
        UPDATE_PROMPT,
        LIST_VERSIONS,
        DIFF_VERSIONS,
        RESTORE_VERSION,
        SET_LABEL,
        CREATE_BRANCH,
        MERGE_BRANCH,
        ARCHIVE_PROMPT,
    )
}


def offered(read_only: bool) -> list[Tool[Any, Any]]:
    """Return the tools that a server lists: all of them, or those that don't write."""
    return [tool for tool in TOOLS.values() if not (read_only and tool.writes)]
