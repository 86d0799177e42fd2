"""Finding one prompt by what a caller wrote, in sight of this server's scope."""

from collections.abc import Sequence

from mcp_server.domain.names import nearest
from mcp_server.domain.references import Reference, parse_reference, resolve_reference
from mcp_server.service.catalog import Catalog
from mcp_server.service.results import PromptVersion
from mcp_server.service.scope import Scope
from storage.database import Database, Transaction
from storage.entities import Prompt
from storage.errors import NotFound


class Finder:
    """Looks prompts up: from memory for readers, under a lock for writers."""

    def __init__(self, database: Database, catalog: Catalog, scope: Scope) -> None:
        self._database = database
        self._catalog = catalog
        self._scope = scope

    async def read(self, text: str) -> PromptVersion:
        """Return the prompt and version that a reference means now.

        Raises:
            Invalid: the text isn't a reference.
            NotFound: there is no such prompt, version, label or branch; carries the nearest names.
        """
        reference = parse_reference(text)
        prompt = await self.prompt(reference)
        number = resolve_reference(prompt, reference)
        version = await self._catalog.find_version(prompt.id, number)
        if version is None:
            raise NotFound(f"'{text}' was purged while it was read. List the prompts again.")
        return PromptVersion(prompt, version)

    async def prompt(self, reference: Reference) -> Prompt:
        """Return the prompt that a reference names.

        Raises:
            NotFound: there is none in sight.
        """
        prompt = await self._catalog.find_prompt(reference.name)
        if prompt is None or not self._scope.admits(prompt):
            raise await self.missing(reference.name)
        if prompt.archived_at is not None:
            raise NotFound(
                f"The prompt '{prompt.name}' is archived. Restore it with archive_prompt "
                "(restore: true) or `promptstack restore` to use it again."
            )
        return prompt

    async def lock(self, tx: Transaction, name: str, *, archived: bool = False) -> Prompt:
        """Return the prompt to be written, keeping other writers out until the transaction ends.

        Raises:
            NotFound: there is none in sight, or it's archived and `archived` is False.
        """
        self._scope.check_writable()
        prompt = await tx.prompts.find(name, lock=True)
        if prompt is None or not self._scope.admits(prompt):
            raise await self.missing(name)
        if prompt.archived_at is not None and not archived:
            raise NotFound(
                f"The prompt '{name}' is archived. Restore it first, then change it."
            )
        return prompt

    async def missing(self, name: str) -> NotFound:
        """Say that a prompt isn't there, and which names look like it."""
        async with self._database.reading() as tx:
            spelt_alike = await tx.prompts.list_spellings(name)
        in_sight = {summary.name for summary in await self._catalog.list_prompts()
                    if self._scope.admits(summary)}  # fmt: skip
        similar = [known for known in spelt_alike if known in in_sight][:3]
        return no_such_prompt(name, similar or nearest(name, sorted(in_sight)))


def no_such_prompt(name: str, similar: Sequence[str]) -> NotFound:
    """Compose the sentence for a prompt that isn't there."""
    hint = (
        "Did you mean " + " or ".join(f"'{known}'" for known in similar) + "?"
        if similar
        else "Search with search_prompts, or list all prompts."
    )
    return NotFound(f"There is no prompt named '{name}'. {hint}", nearest=similar)
