"""Finding one prompt by a reference, a name or an id."""

from dataclasses import replace
from uuid import UUID

from mcp_server.domain.names import ID
from mcp_server.domain.references import (
    Reference,
    label_of,
    parse_reference,
    resolve_reference,
)
from mcp_server.domain.variants import choose_variant
from mcp_server.service.composing import Composer
from mcp_server.service.readers import ANYONE, Reader
from mcp_server.service.results import PromptVersion
from mcp_server.service.sight import Sight
from storage.values.entities import Prompt
from storage.values.errors import Invalid, NotFound


class Finder:
    """Looks prompts up by reference, name or id."""

    def __init__(self, sight: Sight, composer: Composer) -> None:
        self._sight = sight
        self._composer = composer

    async def read(self, text: str, reader: Reader = ANYONE) -> PromptVersion:
        """Return the prompt and version that a reference means now to a reader.

        Raises:
            Invalid: the text isn't a reference.
            NotFound: there is no such prompt, version, label or branch; carries the nearest names.
        """
        reference = await self.reference(text)
        prompt = await self._sight.prompt(reference.name)
        number = resolve_reference(prompt, reference, reader.key)
        version = await self._sight.version(prompt, number)
        if version is None:
            raise NotFound(f"'{text}' was purged while it was read. List the prompts again.")
        chosen = choose_variant(version.draft, reader.model_type)
        label = label_of(prompt, reference) if prompt.weights else None
        weighted = label if label in prompt.weights and reader.key else None
        composition = await self._composer.compose(prompt, version, reader)
        return PromptVersion(prompt, version, chosen.variant, weighted, composition)

    async def prompt(self, text: str, *, archived: bool = False) -> Prompt:
        """Return the prompt with a name or id; an archived one only with `archived`.

        Raises:
            Invalid: the text isn't a name, or is more than a name.
            NotFound: no such prompt is visible.
        """
        return await self._sight.prompt(await self.name(text), archived=archived)

    async def reference(self, text: str) -> Reference:
        """Read a reference, which may have a prompt's id in place of its name.

        Raises:
            Invalid: the text isn't a reference.
        """
        reference = parse_reference(text)
        if ID.fullmatch(reference.name) is None:
            return reference
        # The id of no visible prompt stays as it is, so that the refusal quotes it.
        name = await self._sight.name_of(UUID(reference.name))
        return replace(reference, name=name or reference.name)

    async def name(self, text: str) -> str:
        """Return the name of a prompt, from its name or id without any version.

        Raises:
            Invalid: the text isn't a name, or is more than a name.
        """
        reference = await self.reference(text)
        if str(reference) != reference.name:
            raise Invalid(
                f"'{text}' refers to one version, but here the prompt's name alone is wanted: "
                f"use '{reference.name}'.",
                fields={"name": f"use '{reference.name}'"},
            )
        return reference.name
