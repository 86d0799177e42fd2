"""Sync: the newest texts of the library, read and written as files hold them."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, cast
from uuid import UUID

from mcp_server.domain.fields import content_of
from mcp_server.domain.formats.files import EVERYTHING, PromptFile
from mcp_server.domain.names import check_metadata
from mcp_server.domain.syncing import fingerprint
from mcp_server.service.inputs import PromptInput
from mcp_server.service.prompts import Prompts
from mcp_server.service.sight import Sight
from mcp_server.service.terms import Terms
from mcp_server.service.writing import metadata_of
from storage.database import Transaction
from storage.values.entities import Metadata, Prompt, PromptFilter, Version

_PAGE = 50
"""Texts that are held at once; each may be a megabyte."""


@dataclass(frozen=True, slots=True)
class Head:
    """A prompt with the newest version of its branch main, and what tells it from other texts."""

    file: PromptFile
    version: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Away:
    """A prompt whose newest text isn't to be synced: why, and what it is called now."""

    why: Literal["not asked for", "archived", "renamed"]
    name: str


class Syncing:
    """Reads and writes what a synced folder holds."""

    def __init__(self, sight: Sight, prompts: Prompts) -> None:
        self._sight = sight
        self._prompts = prompts

    async def pages(self, chosen: PromptFilter) -> AsyncIterator[dict[str, Head]]:
        """Yield the newest texts of all prompts of a filter by name, a few at a time."""
        async for page in self._sight.pages(chosen, _PAGE):
            found = await self._sight.read(partial(_heads, [summary.id for summary in page]))
            yield {prompt.name: _head(prompt, version) for prompt, version in found}

    async def find(self, names: Collection[str], chosen: PromptFilter) -> Mapping[str, Head | Away]:
        """Return what the prompts are that have or had some names, by these.

        That is the newest text where the filter keeps the prompt and it is in use under that name.
        """
        prompts = await self._sight.read(lambda tx: tx.bulk.find(names))
        away = {name: self._away(name, prompt, chosen) for name, prompt in prompts.items()}
        here = [prompts[name].id for name, why in away.items() if why is None]
        heads = {
            prompt.id: _head(prompt, version)
            for prompt, version in await self._sight.read(partial(_heads, here))
        }
        return {name: why or heads[prompts[name].id] for name, why in away.items()}

    def asks_for(self, chosen: PromptFilter, new: Metadata) -> bool:
        """Tell whether a filter by tags and folder would keep a prompt that isn't there yet.

        Raises:
            Invalid: no prompt can be what it says.
        """
        return self._sight.keeps(chosen, check_metadata(new))

    async def change_token(self) -> str:
        """Return a change token: another one once any prompt has changed."""
        return await self._sight.read(lambda tx: tx.bulk.change_token())

    async def write(
        self, file: PromptFile, *, expected_version: int | None, force: bool = False
    ) -> tuple[Head, Sequence[str]]:
        """Write what a file holds, as a new prompt or as its next version.

        Of a prompt that is there, what the file doesn't say stays as it is. Returns what is there,
        and what that broke by `force`.

        Raises:
            Conflict: the prompt isn't at `expected_version` any more, or is there already; or
                others that include it couldn't be used any more, and it isn't forced.
            Invalid, Forbidden, NotFound: as for `Prompts.create` and `Prompts.update`.
        """
        name = file.metadata.name
        says = EVERYTHING if expected_version is None else file.says
        metadata = {key: getattr(file.metadata, key) for key in says}
        written = cast(PromptInput, metadata | content_of(file.draft))
        terms = Terms(
            expected_version=expected_version,
            commit_message=f"Sync from {file.source}",
            force=force,
        )
        if expected_version is None:
            saved = await self._prompts.create(name, written, terms=terms)
        else:
            saved = await self._prompts.update(name, written, terms=terms)
        return _head(saved.current.prompt, saved.current.version), saved.warnings

    def _away(self, name: str, prompt: Prompt, chosen: PromptFilter) -> Away | None:
        if not self._sight.keeps(chosen, prompt):
            return Away("not asked for", prompt.name)
        if prompt.archived_at is not None:
            return Away("archived", prompt.name)
        return None if prompt.name == name else Away("renamed", prompt.name)


def _head(prompt: Prompt, version: Version) -> Head:
    file = PromptFile(metadata_of(prompt), version.draft, version.created_by, prompt.name)
    return Head(file, version.version, fingerprint(file))


async def _heads(ids: Sequence[UUID], tx: Transaction) -> Sequence[tuple[Prompt, Version]]:
    return await tx.bulk.read_heads(ids)
