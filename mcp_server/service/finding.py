"""Finding one prompt by what a caller wrote, in sight of this server."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

from mcp_server.domain.names import ID, nearest
from mcp_server.domain.references import (
    Reference,
    label_of,
    parse_reference,
    resolve_reference,
)
from mcp_server.domain.variants import choose_variant
from mcp_server.service.catalog import Catalog
from mcp_server.service.composing import Composer
from mcp_server.service.inputs import ANYONE, Reader
from mcp_server.service.results import PromptVersion
from mcp_server.service.views import View
from storage.database import Database, Transaction
from storage.values.entities import Prompt
from storage.values.errors import Invalid, NotFound

_SUGGESTED = 3
"""Names that are suggested in place of one that isn't there."""


class Finder:
    """Looks prompts up: from memory for readers, under a lock for writers."""

    def __init__(
        self, database: Database, catalog: Catalog, composer: Composer, view: View
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._composer = composer
        self._view = view

    async def read(self, text: str, reader: Reader = ANYONE) -> PromptVersion:
        """Return the prompt and version that a reference means now to a reader.

        Raises:
            Invalid: the text isn't a reference.
            NotFound: there is no such prompt, version, label or branch; carries the nearest names.
        """
        reference = await self.reference(text)
        prompt = await self.prompt(reference)
        number = resolve_reference(prompt, reference, reader.key)
        version = await self._catalog.find_version(prompt.id, number)
        if version is None:
            raise NotFound(f"'{text}' was purged while it was read. List the prompts again.")
        chosen = choose_variant(version.draft, reader.model_type)
        label = label_of(prompt, reference) if prompt.weights else None
        weighted = label if label in prompt.weights and reader.key else None
        composition = await self._composer.compose(prompt, version, reader)
        return PromptVersion(prompt, version, chosen.variant, weighted, composition)

    async def reference(self, text: str) -> Reference:
        """Read a reference; in place of the name a prompt's id may stand.

        Raises:
            Invalid: the text isn't a reference.
        """
        reference = parse_reference(text)
        if not is_id(reference.name):
            return reference
        name = await self._catalog.find_name(UUID(reference.name))
        if name is None or not await self._is_in_sight(name):
            # What is refused then is the id: the name of a hidden prompt isn't for this caller.
            return reference
        return replace(reference, name=name)

    async def _is_in_sight(self, name: str) -> bool:
        if not self._view.is_partial:
            return True
        prompt = await self._catalog.find_prompt(name)
        return prompt is not None and self._view.admits(prompt)

    async def bare(self, text: str) -> Reference:
        """Read a name, or an id, where the whole prompt is meant and not one of its versions.

        Raises:
            Invalid: it isn't a name, or says more than a name.
        """
        return await self.reference(bare_name(text).name)

    async def prompt(self, reference: Reference, *, archived: bool = False) -> Prompt:
        """Return the prompt that a reference names; an archived one only where that's wanted.

        Raises:
            NotFound: there is none in sight.
        """
        prompt = await self._catalog.find_prompt(reference.name)
        if prompt is None or not self._view.admits(prompt):
            raise await self._missing(reference.name)
        if prompt.archived_at is not None and not archived:
            raise _is_archived(prompt.name, self._view)
        return prompt

    @asynccontextmanager
    async def locked(
        self, name: str, *, archived: bool = False
    ) -> AsyncIterator[tuple[Transaction, Prompt]]:
        """Open a transaction on one prompt, which keeps its other writers out until it ends.

        Raises:
            Forbidden: this server only reads.
            Invalid: the name isn't one.
            NotFound: there is no such prompt in sight, or it's archived and that isn't wanted.
        """
        self._view.check_writable()
        # Looked up first, without holding a connection: a refusal looks for names that are alike.
        wanted = await self.bare(name)
        await self.prompt(wanted, archived=archived)
        async with self._database.transaction() as tx:
            prompt = await tx.prompts.find(wanted.name, lock=True)
            if prompt is None or not self._view.admits(prompt):
                raise no_such_prompt(wanted.name, ())
            if prompt.archived_at is not None and not archived:
                raise _is_archived(wanted.name, self._view)
            yield tx, prompt

    async def _missing(self, name: str) -> NotFound:
        seen = self._view.filter
        async with self._database.reading() as tx:
            similar = await tx.prompts.list_spellings(name, seen, limit=_SUGGESTED)
        if not similar and (whole := await self._catalog.lists.whole(seen)):
            # Comparing thousands of names is work for the processor, and others wait for this loop.
            similar = await asyncio.to_thread(nearest, name, [each.name for each in whole])
        return no_such_prompt(name, similar)


def no_such_prompt(name: str, similar: Sequence[str]) -> NotFound:
    """Compose the sentence for a prompt that isn't there."""
    hint = (
        "Did you mean " + " or ".join(f"'{known}'" for known in similar) + "?"
        if similar
        else "Search for words of it, or list all prompts."
    )
    return NotFound(f"There is no prompt named '{name}'. {hint}", nearest=similar)


def bare_name(name: str) -> Reference:
    """Read a name where the whole prompt is meant, not one of its versions.

    Raises:
        Invalid: it isn't a name, or says more than a name.
    """
    reference = parse_reference(name)
    if str(reference) != reference.name:
        raise Invalid(
            f"'{name}' refers to one version, but here the prompt's name alone is wanted: "
            f"use '{reference.name}'.",
            fields={"name": f"use '{reference.name}'"},
        )
    return reference


def is_id(name: str) -> bool:
    """Return whether a name has the form of an id; no prompt is named so."""
    return ID.fullmatch(name) is not None


def _is_archived(name: str, view: View) -> NotFound:
    restoring = "Ask for it to be restored" if view.read_only else "Restore it"
    return NotFound(f"The prompt '{name}' is archived. {restoring} to use or change it again.")
