"""Sync: the newest texts of the library, read and written in the shape of files."""

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
"""Texts held in memory at once; each may be a megabyte."""


@dataclass(frozen=True, slots=True)
class Head:
    """A prompt with the newest version of its branch main, and that text's fingerprint."""

    file: PromptFile
    version: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Away:
    """A prompt whose newest text isn't synced: the reason, and its current name."""

    why: Literal["not asked for", "archived", "renamed"]
    name: str


class Syncing:
    """Reads and writes the prompts of a synced folder."""

    def __init__(self, sight: Sight, prompts: Prompts) -> None:
        self._sight = sight
        self._prompts = prompts

    async def pages(self, chosen: PromptFilter) -> AsyncIterator[dict[str, Head]]:
        """Yield the newest texts of the prompts that a filter keeps, by name, a page at a time."""
        async for page in self._sight.pages(chosen, _PAGE):
            heads = await self._sight.read_unchecked(
                partial(_heads, [summary.id for summary in page])
            )
            yield {
                prompt.name: _head(prompt, version)
                for prompt, version in heads
                if self._sight.shows(prompt)
            }

    async def find(self, names: Collection[str], chosen: PromptFilter) -> Mapping[str, Head | Away]:
        """Return the prompts that have or had the given names, by name.

        A prompt is a `Head` if the filter keeps it and it is in use under that name, else `Away`.
        """
        prompts = await self._sight.read_unchecked(lambda tx: tx.bulk.find(names))
        away = {name: self._away(name, prompt, chosen) for name, prompt in prompts.items()}
        ids = [prompts[name].id for name, why in away.items() if why is None]
        heads = {
            prompt.id: _head(prompt, version)
            for prompt, version in await self._sight.read_unchecked(partial(_heads, ids))
        }
        return {name: why or heads[prompts[name].id] for name, why in away.items()}

    def asks_for(self, chosen: PromptFilter, new: Metadata) -> bool:
        """Return whether a filter by tags and folder would keep a prompt that doesn't exist yet.

        Raises:
            Invalid: the metadata, or the filter's folder, isn't one that a prompt can have.
        """
        return self._sight.keeps(chosen, check_metadata(new))

    async def change_token(self) -> str:
        """Return a change token, which differs once any prompt has changed."""
        return await self._sight.read_unchecked(lambda tx: tx.bulk.change_token())

    async def write(
        self, file: PromptFile, *, expected_version: int | None, force: bool = False
    ) -> tuple[Head, Sequence[str]]:
        """Write a file's content as a new prompt, or as the next version of an existing one.

        Fields of an existing prompt that the file doesn't mention stay as they are. Returns the
        new head, and warnings for the author.

        Raises:
            Conflict: the prompt isn't at `expected_version` any more, or exists already; or the
                write would break prompts that include it, and isn't forced.
            Invalid, Forbidden, NotFound: as for `Prompts.create` and `Prompts.update`.
        """
        name = file.metadata.name
        says = EVERYTHING if expected_version is None else file.says
        metadata = {key: getattr(file.metadata, key) for key in says}
        fields = cast(PromptInput, metadata | content_of(file.draft))
        terms = Terms(
            expected_version=expected_version,
            commit_message=f"Sync from {file.source}",
            force=force,
        )
        if expected_version is None:
            saved = await self._prompts.create(name, fields, terms=terms)
        else:
            saved = await self._prompts.update(name, fields, terms=terms)
        return _head(saved.current.prompt, saved.current.version), saved.warnings

    def _away(self, name: str, prompt: Prompt, chosen: PromptFilter) -> Away | None:
        if not self._sight.keeps(chosen, prompt):
            return Away("not asked for", prompt.name if self._sight.shows(prompt) else name)
        if prompt.archived_at is not None:
            return Away("archived", prompt.name)
        return None if prompt.name == name else Away("renamed", prompt.name)


def _head(prompt: Prompt, version: Version) -> Head:
    file = PromptFile(metadata_of(prompt), version.draft, version.created_by, prompt.name)
    return Head(file, version.version, fingerprint(file))


async def _heads(ids: Sequence[UUID], tx: Transaction) -> Sequence[tuple[Prompt, Version]]:
    return await tx.bulk.read_heads(ids)
