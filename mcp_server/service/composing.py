"""Composing: the texts that a prompt includes, looked up for readers and checked for writers."""

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
    """A prompt or version is needed that isn't in memory."""


@dataclass(frozen=True, slots=True)
class Included:
    """A draft's includes: references as written, and edges of prompt id and part after the '@'."""

    references: tuple[str, ...] = ()
    edges: frozenset[tuple[UUID, str]] = frozenset()


class Composer:
    """Puts prompts and the texts that they include together."""

    def __init__(self, sight: Sight, catalog: Catalog) -> None:
        """Make a composer; `catalog` also has hidden prompts, which `sight` keeps out of errors."""
        self._sight = sight
        self._catalog = catalog

    async def compose(
        self, prompt: Prompt, version: Version, reader: Reader = ANYONE
    ) -> Composition:
        """Return the texts that a version currently includes for a reader."""
        if not version.includes:
            return ALONE
        references = tuple(includes_of(version.draft))
        return await self._compose(prompt.name, prompt.id, references, reader)

    async def complete(self, summaries: Sequence[PromptSummary]) -> tuple[PromptSummary, ...]:
        """Add the arguments of included texts to prompts in a list."""
        if not any(summary.includes for summary in summaries):
            return tuple(summaries)
        completed = []
        for summary in summaries:
            completed.append(await self._complete(summary))
            if summary.includes:  # even without a query, to leave the event loop to others
                await asyncio.sleep(0)
        return tuple(completed)

    async def check(self, tx: Transaction, name: str, prompt_id: UUID, draft: Draft) -> Included:
        """Check the includes of a draft before it is written.

        Raises:
            Invalid: an include isn't a reference, leads to nothing or to the prompt itself; or
                there are too many arguments in all.
            Conflict: an included text can't be used, or includes the prompt in turn.
        """
        includes = includes_of(draft)
        if not includes:
            return Included()
        references = tuple(includes)
        parsed = [parse_reference(each) for each in references]
        reached = await tx.includes.reach([_parts(each) for each in parsed])
        for each in parsed:
            _check_other(each, name)
            await self._check_visible(tx, each, reached)
        try:
            fragments = resolve_includes(name, prompt_id, references, find_in(reached, ANYONE))
        except PromptError as problem:
            error = self._sight.conceal(problem, reached)
            if isinstance(error, NotFound):
                raise Invalid(error.message, fields={"template": error.message}) from None
            raise error from None
        check_count(merge_included(draft.arguments, includes, fragments))
        edges = {(reached.prompts[each.name].id, _parts(each)[1]) for each in parsed}
        return Included(references, frozenset(edges))

    async def edges(self, tx: Transaction, draft: Draft) -> frozenset[tuple[UUID, str]]:
        """Return the edges of a draft's includes, without those to prompts that don't exist."""
        pairs = [_parts(parse_reference(each)) for each in includes_of(draft)]
        present = await tx.bulk.find([name for name, _ in pairs])
        return frozenset((present[name].id, point) for name, point in pairs if name in present)

    async def compose_in(self, tx: Transaction, prompt: Prompt, version: Version) -> Composition:
        """Return the texts that a version includes, as a writing transaction sees them."""
        if not version.includes:
            return ALONE
        return await self.compose_draft(tx, prompt.name, prompt.id, version.draft)

    async def compose_draft(
        self, tx: Transaction, name: str, prompt_id: UUID, draft: Draft
    ) -> Composition:
        """Return the texts that a draft includes, as a writing transaction sees them."""
        references = tuple(includes_of(draft))
        reached = await tx.includes.reach([_parts(parse_reference(each)) for each in references])
        return self._composed_of(reached, name, prompt_id, references, ANYONE)

    async def _compose(
        self, name: str, prompt_id: UUID, references: Sequence[str], reader: Reader
    ) -> Composition:
        try:
            find = _finder(self._remembered_prompt, self._remembered_version, reader)
            composition = _composed(name, prompt_id, references, find)
            if composition.problem is None or not self._sight.is_partial:
                return composition
        except _NotRemembered:
            pass
        pairs = [_parts(parse_reference(each)) for each in references]
        reached = await self._catalog.reach(pairs)
        return self._composed_of(reached, name, prompt_id, references, reader)

    def _composed_of(
        self,
        reached: Reached,
        name: str,
        prompt_id: UUID,
        references: Sequence[str],
        reader: Reader,
    ) -> Composition:
        composition = _composed(name, prompt_id, references, find_in(reached, reader))
        problem = composition.problem
        return replace(composition, problem=problem and self._sight.conceal(problem, reached))

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
        """Refuse to include a hidden prompt, since rendering would reveal its text."""
        prompt = reached.prompts.get(asked.name)
        if prompt is not None and self._sight.shows(prompt):
            return
        alike = () if prompt else await self._sight.list_similar(tx, asked.name, 1)
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
    """Return a lookup, among reached prompts, of the text that a reference means to a reader."""

    def version(prompt_id: UUID, number: int) -> Version | None:
        return reached.versions.get((prompt_id, number))

    return _finder(reached.prompts.get, version, reader)


def _finder(find_prompt: FindPrompt, find_version: FindVersion, reader: Reader) -> Find:
    """Return a lookup of the text that a reference means to a reader."""

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
