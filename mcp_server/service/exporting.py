"""Export: prompts as files hold them, each with what its bare name means."""

import asyncio

from mcp_server.domain.formats.files import PromptFile
from mcp_server.service.prompts import Prompts
from mcp_server.service.writing import metadata_of
from storage.entities import PromptFilter
from storage.errors import NotFound
from storage.pages import Page

_AT_ONCE = 4


class Exporting:
    """Gives prompts out to files."""

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts

    async def read(
        self, chosen: PromptFilter, *, limit: int, cursor: str | None = None
    ) -> Page[PromptFile]:
        """Return prompts by name with what is served of them, a page at a time.

        One that is archived while the page is read is left out.

        Raises:
            Invalid: the cursor isn't one of this list.
        """
        slots = asyncio.Semaphore(_AT_ONCE)

        async def read(name: str) -> PromptFile | None:
            async with slots:
                return await self._read(name)

        page = await self._prompts.list(chosen, limit=limit, cursor=cursor)
        files = await asyncio.gather(*(read(summary.name) for summary in page.items))
        return Page(tuple(file for file in files if file is not None), page.next_cursor)

    async def _read(self, name: str) -> PromptFile | None:
        try:
            source = await self._prompts.get(name)
        except NotFound:
            return None
        version = source.version
        return PromptFile(metadata_of(source.prompt), version.draft, version.created_by, name)
