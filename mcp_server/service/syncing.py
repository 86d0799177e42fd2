"""Sync: the newest texts of the library, read and written as files hold them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from mcp_server.domain.formats.files import EVERYTHING, PromptFile
from mcp_server.service.catalog import Catalog
from mcp_server.service.inputs import PromptInput
from mcp_server.service.prompts import Prompts
from mcp_server.service.scope import Scope
from mcp_server.service.writing import metadata_of
from storage.database import Transaction
from storage.entities import Prompt, PromptFilter, PromptSummary, Version

_PAGE = 200


@dataclass(frozen=True, slots=True)
class Head:
    """A prompt with the newest version of its branch main."""

    file: PromptFile
    version: int


class Syncing:
    """Reads and writes what a synced folder holds."""

    def __init__(self, catalog: Catalog, prompts: Prompts, scope: Scope) -> None:
        self._catalog = catalog
        self._prompts = prompts
        self._scope = scope

    async def read(self, chosen: PromptFilter) -> dict[str, Head]:
        """Return the newest text of every prompt, by name."""
        narrowed = self._scope.narrow(chosen)
        heads: dict[str, Head] = {}
        async for page in self._catalog.each_page(narrowed, _PAGE):
            for prompt, version in await self._catalog.read(partial(_heads, page)):
                heads[prompt.name] = _head(prompt, version)
        return heads

    async def mark(self) -> str:
        """Return something that is another one once any prompt has changed."""
        return await self._catalog.read(lambda tx: tx.bulk.mark())

    async def write(self, file: PromptFile, *, by: str, expected_version: int | None) -> Head:
        """Write what a file holds, as a new prompt or as its next version; returns what is there.

        Of a prompt that is there, what the file doesn't say stays as it is.

        Raises:
            Conflict: the prompt isn't at `expected_version` any more, or is there already.
            Invalid, Forbidden, NotFound: as for `Prompts.create` and `Prompts.update`.
        """
        said, draft = file.metadata, file.draft
        says = EVERYTHING if expected_version is None else file.says
        written = PromptInput(
            **{key: getattr(said, key) for key in says},
            messages=draft.messages,
            arguments=draft.arguments,
            template_format=draft.template_format,
            model_type=draft.model_type,
            model_config=draft.model_config,
            variants=draft.variants,
        )
        message = f"Sync from {file.source}"
        if expected_version is None:
            saved = await self._prompts.create(said.name, written, by=by, commit_message=message)
        else:
            saved = await self._prompts.update(
                said.name,
                written,
                by=by,
                expected_version=expected_version,
                commit_message=message,
            )
        return _head(saved.current.prompt, saved.current.version)


def _head(prompt: Prompt, version: Version) -> Head:
    file = PromptFile(metadata_of(prompt), version.draft, version.created_by, prompt.name)
    return Head(file, version.version)


async def _heads(
    page: Sequence[PromptSummary], tx: Transaction
) -> Sequence[tuple[Prompt, Version]]:
    return await tx.bulk.read_heads([summary.id for summary in page])
