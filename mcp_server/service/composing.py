"""Composing: what the texts of a prompt include, looked up for readers and checked for writers."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from mcp_server.domain.arguments import check_count
from mcp_server.domain.composition import (
    ALONE,
    Composition,
    Find,
    Fragment,
    includes_of,
    make_fragment,
    merge_included,
    resolve_includes,
)
from mcp_server.domain.references import Reference, parse_reference, resolve_reference
from mcp_server.domain.texts import refused, shown
from mcp_server.domain.variants import choose_variant
from mcp_server.service.catalog import Catalog
from mcp_server.service.readers import ANYONE, Reader
from mcp_server.service.sight import Sight
from storage.database import Transaction
from storage.values.entities import Draft, Prompt, PromptSummary, Reached, Version
from storage.values.errors import Conflict, Invalid, NotFound, PromptError

FindPrompt = Callable[[str], Prompt | None]
FindVersion = Callable[[UUID, int], Version | None]


class _NotRemembered(Exception):
    """Something that isn't in memory is needed."""


@dataclass(frozen=True, slots=True)
class Included:
    """What a draft includes: as it says it, and which prompts those are, with what follows '@'."""

    references: tuple[str, ...] = ()
    edges: frozenset[tuple[UUID, str]] = frozenset()


class Composer:
    """Puts prompts and those that they include together."""

    def __init__(self, sight: Sight, catalog: Catalog) -> None:
        """Put together what `sight` shows of texts that `catalog` has, hidden ones among them."""
        self._sight = sight
        self._catalog = catalog

    async def compose(
        self, prompt: Prompt, version: Version, reader: Reader = ANYONE
    ) -> Composition:
        """Return what a version includes for a reader, as it is now."""
        if not version.includes:
            return ALONE
        references = tuple(includes_of(version.draft))
        return await self._compose(prompt.name, prompt.id, references, reader)

    async def complete(self, summaries: Sequence[PromptSummary]) -> tuple[PromptSummary, ...]:
        """Give prompts in a list the arguments of what they include."""
        if not any(summary.includes for summary in summaries):
            return tuple(summaries)
        completed = []
        for summary in summaries:
            completed.append(await self._complete(summary))
            if summary.includes:  # remembered or not: others wait for this loop
                await asyncio.sleep(0)
        return tuple(completed)

    async def check(self, tx: Transaction, name: str, prompt_id: UUID, draft: Draft) -> Included:
        """Check what a draft includes before it is written.

        Raises:
            Invalid: an include is no reference, or leads to nothing, or the arguments of all
                together are too many.
            Conflict: what is included can't be, or includes the prompt itself.
        """
        includes = includes_of(draft)
        if not includes:
            return Included()
        references = tuple(includes)
        asked = [parse_reference(each) for each in references]
        reached = await tx.includes.reach([_parts(each) for each in asked])
        for each in asked:
            _check_other(each, name)
            await self._check_visible(tx, each, reached)
        try:
            fragments = resolve_includes(name, prompt_id, references, find_in(reached, ANYONE))
        except PromptError as problem:
            told = self._sight.told(problem, reached)
            if isinstance(told, NotFound):
                raise Invalid(told.message, fields={"template": told.message}) from None
            raise told from None
        check_count(merge_included(draft.arguments, includes, fragments))
        edges = {(reached.prompts[each.name].id, _parts(each)[1]) for each in asked}
        return Included(references, frozenset(edges))

    async def edges(self, tx: Transaction, draft: Draft) -> frozenset[tuple[UUID, str]]:
        """Return which prompts a draft includes, of those that there are."""
        asked = [_parts(parse_reference(each)) for each in includes_of(draft)]
        present = await tx.bulk.find([name for name, _ in asked])
        return frozenset((present[name].id, point) for name, point in asked if name in present)

    async def compose_in(self, tx: Transaction, prompt: Prompt, version: Version) -> Composition:
        """Return what a version includes, as a transaction that writes sees it."""
        if not version.includes:
            return ALONE
        return await self.compose_draft(tx, prompt.name, prompt.id, version.draft)

    async def compose_draft(
        self, tx: Transaction, name: str, prompt_id: UUID, draft: Draft
    ) -> Composition:
        """Return what a draft includes, as a transaction that writes sees it."""
        references = tuple(includes_of(draft))
        reached = await tx.includes.reach([_parts(parse_reference(each)) for each in references])
        return self._composed_of(reached, name, prompt_id, references, ANYONE)

    async def _compose(
        self, name: str, prompt_id: UUID, references: Sequence[str], reader: Reader
    ) -> Composition:
        try:
            find = _finder(self._remembered_prompt, self._remembered_version, reader)
            composed = _composed(name, prompt_id, references, find)
            if composed.problem is None or not self._sight.is_partial:
                return composed
        except _NotRemembered:
            pass
        asked = [_parts(parse_reference(each)) for each in references]
        reached = await self._catalog.reach(asked)
        return self._composed_of(reached, name, prompt_id, references, reader)

    def _composed_of(
        self,
        reached: Reached,
        name: str,
        prompt_id: UUID,
        references: Sequence[str],
        reader: Reader,
    ) -> Composition:
        composed = _composed(name, prompt_id, references, find_in(reached, reader))
        problem = composed.problem
        return replace(composed, problem=problem and self._sight.told(problem, reached))

    async def _complete(self, summary: PromptSummary) -> PromptSummary:
        if not summary.includes:
            return summary
        version = await self._catalog.find_version(summary.id, summary.version)
        if version is None:
            return summary
        includes = includes_of(version.draft)
        composition = await self._compose(summary.name, summary.id, tuple(includes), ANYONE)
        merged = merge_included(summary.arguments, includes, composition.fragments)
        return replace(summary, arguments=merged)

    def _remembered_prompt(self, name: str) -> Prompt:
        prompt = self._catalog.remembered_prompt(name)
        if prompt is None:
            raise _NotRemembered
        return prompt

    def _remembered_version(self, prompt_id: UUID, number: int) -> Version:
        version = self._catalog.remembered_version(prompt_id, number)
        if version is None:
            raise _NotRemembered
        return version

    async def _check_visible(self, tx: Transaction, asked: Reference, reached: Reached) -> None:
        """Refuse what this server doesn't show: its text would come out with the including one."""
        prompt = reached.prompts.get(asked.name)
        if prompt is not None and self._sight.shows(prompt):
            return
        alike = () if prompt else await self._sight.alike(tx, asked.name, 1)
        hint = f"Use '{alike[0]}', or create it first" if alike else "Create it first"
        raise refused(
            "template", f"includes '{shown(str(asked))}', but there is no such prompt. {hint}"
        )


def _check_other(asked: Reference, name: str) -> None:
    if asked.name == name:
        raise refused("template", f"includes '{shown(str(asked))}', the prompt itself. Take it out")


def _parts(reference: Reference) -> tuple[str, str]:
    return reference.name, str(reference).partition("@")[2]


def _composed(name: str, prompt_id: UUID, references: Sequence[str], find: Find) -> Composition:
    try:
        return Composition(resolve_includes(name, prompt_id, references, find))
    except PromptError as problem:
        return Composition(problem=problem)


def find_in(reached: Reached, reader: Reader) -> Find:
    """Return what finds the text that a reference means to a reader, among what is reached."""

    def version(prompt_id: UUID, number: int) -> Version | None:
        return reached.versions.get((prompt_id, number))

    return _finder(reached.prompts.get, version, reader)


def _finder(find_prompt: FindPrompt, find_version: FindVersion, reader: Reader) -> Find:
    """Return what finds the text that a reference means to a reader."""

    def find(text: str) -> Fragment:
        reference = parse_reference(text)
        prompt = _usable(find_prompt(reference.name), text)
        number = resolve_reference(prompt, replace(reference, name=prompt.name), reader.key)
        version = find_version(prompt.id, number)
        if version is None:
            raise NotFound(f"'{text}', which is to be included, can't be found. Try again.")
        chosen = choose_variant(version.draft, reader.model_type)
        return make_fragment(prompt.id, prompt.name, number, version.draft, chosen.messages)

    return find


def _usable(prompt: Prompt | None, reference: str) -> Prompt:
    if prompt is None:
        raise NotFound(f"'{reference}' is to be included, but there is no such prompt. Create it.")
    if prompt.archived_at is not None:
        raise Conflict(
            f"'{reference}' is to be included, but '{prompt.name}' is archived. Restore it, or "
            "take the include out."
        )
    return prompt
