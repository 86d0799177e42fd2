"""Export: prompts in the shape of files, with their served version or their whole history."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from mcp_server.domain.formats.files import PromptFile
from mcp_server.service.sight import Sight
from mcp_server.service.writing import metadata_of
from storage.database import Transaction
from storage.values.entities import MAIN, Metadata, PromptFilter, PromptSummary

_PAGE = 50
_PAGE_OF_HISTORIES = 20
"""A history may hold any number of versions, and each of them a megabyte."""


class Exporting:
    """Reads prompts in the shape of files."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight

    async def read(
        self, chosen: PromptFilter, *, history: bool = False
    ) -> AsyncIterator[PromptFile]:
        """Yield prompts by name, each with its served version or with its whole history.

        Prompts are read a page at a time, each page as it is then. Without `history`, one that is
        archived in between is left out; with it, archived prompts follow the others.

        Raises:
            Invalid: no prompt can have a value of the filter.
        """
        for archived in (False, True) if history and not chosen.archived else (chosen.archived,):
            wanted = replace(chosen, archived=archived)
            size = _PAGE_OF_HISTORIES if history else _PAGE
            async for page in self._sight.pages(wanted, size):
                files = self._histories(page) if history else self._served(page)
                async for file in files:
                    yield file

    async def _served(self, page: Sequence[PromptSummary]) -> AsyncIterator[PromptFile]:
        ids = [summary.id for summary in page]
        listed = {summary.id: summary.archived_at for summary in page}
        for prompt, version in await self._sight.read_unchecked(
            lambda tx: tx.bulk.read_served(ids)
        ):
            as_listed = (prompt.archived_at is None) == (listed[prompt.id] is None)
            if as_listed and self._sight.shows(prompt):
                metadata = metadata_of(prompt)
                yield PromptFile(metadata, version.draft, version.created_by, prompt.name)

    async def _histories(self, page: Sequence[PromptSummary]) -> AsyncIterator[PromptFile]:
        ids = [summary.id for summary in page]

        async def read(tx: Transaction) -> Sequence[PromptFile]:
            histories = await tx.bulk.read_histories(ids)
            files = []
            for summary in page:
                history = histories[summary.id]
                heads = {branch.branch: branch.head for branch in history.branches}
                main = history.versions[heads[MAIN] - 1]
                metadata = Metadata(
                    summary.name, summary.title, summary.description, summary.folder, summary.tags
                )
                files.append(
                    PromptFile(metadata, main.draft, main.created_by, summary.name, history=history)
                )
            return files

        for file in await self._sight.read_unchecked(read):
            yield file
