"""Prompts: create, update, read, render, list, archive."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from mcp_server.domain.arguments import given_comparisons, missing_arguments
from mcp_server.domain.messages import first_line
from mcp_server.domain.names import check_branch, check_name, safe_name, unique_name
from mcp_server.domain.rendering import Rendered, needed_arguments, render
from mcp_server.domain.texts import refused
from mcp_server.domain.variants import for_variant
from mcp_server.service.composing import Composer
from mcp_server.service.counting import Counts
from mcp_server.service.editing import (
    check_whole,
    new_draft,
    new_metadata,
    revise_draft,
    revise_metadata,
    written_comparisons,
)
from mcp_server.service.finding import Finder
from mcp_server.service.inputs import PromptInput
from mcp_server.service.listing import MOST_WHOLE, PAGE
from mcp_server.service.patterns import Patterns
from mcp_server.service.readers import ANYONE, Reader
from mcp_server.service.results import Archiving, Missing, PromptVersion, RenderedPrompt, Saved
from mcp_server.service.sight import Sight
from mcp_server.service.terms import ANY, Terms
from mcp_server.service.values import RememberedValues
from mcp_server.service.writing import Writer, check_called, metadata_of, written_prompt
from storage.ids import new_id
from storage.values.entities import (
    MAIN,
    Draft,
    Metadata,
    Prompt,
    PromptFilter,
    PromptSummary,
    Version,
)
from storage.values.errors import Conflict
from storage.values.pages import Page, cut_page, decode_cursor


class Prompts:
    """The use cases of prompts."""

    def __init__(
        self,
        sight: Sight,
        finder: Finder,
        composer: Composer,
        writer: Writer,
        values: RememberedValues,
        patterns: Patterns,
        counts: Counts,
    ) -> None:
        self._sight = sight
        self._finder = finder
        self._composer = composer
        self._writer = writer
        self._values = values
        self._patterns = patterns
        self._counts = counts

    async def create(
        self,
        name: str | None,
        written: PromptInput,
        *,
        copy_of: str | None = None,
        with_history: bool = False,
        terms: Terms = ANY,
    ) -> Saved:
        """Create a prompt with its first version; without a name it gets one that is free.

        With a reference in `copy_of`, the prompt begins as a copy; see `copy`.

        Raises:
            Invalid: some fields can't be used; names each of them.
            NotFound: there is nothing to copy.
            Conflict: the name is taken.
            Forbidden: the caller may only read, or wouldn't see the prompt.
        """
        if copy_of is not None:
            return await self.copy(copy_of, name, written, with_history=with_history, terms=terms)
        if with_history:
            raise refused("with_history", "is for a copy. Give 'copy_of', or leave it out")
        draft = new_draft(written, await self._patterns.judge(written_comparisons(written)))
        if name is not None:
            return await self._create(name, written, draft, terms)
        title = written.get("title") or first_line(draft.messages)
        try:
            return await self._create(safe_name(title), written, draft, terms)
        except Conflict:
            free = unique_name(title, new_id().hex)
            return await self._create(free, written, draft, terms)

    async def copy(
        self,
        reference: str,
        name: str | None,
        written: PromptInput,
        *,
        with_history: bool = False,
        terms: Terms = ANY,
    ) -> Saved:
        """Create a prompt from a version of another one, with the written fields replaced.

        With `with_history` the whole prompt is copied: every version, branch and label. Only its
        metadata can be written then: title, description, folder, tags.

        Raises:
            NotFound: there is no such prompt or version.
            Invalid: a field can't be used; or `with_history` comes with new content, a commit
                message, or a reference to a single version.
            Conflict: the name is taken.
            Forbidden: as for `create`.
        """
        source = await self._finder.read(reference)
        free = unique_name(source.prompt.name, new_id().hex) if name is None else name
        inherited = replace(metadata_of(source.prompt), name=check_name(free))
        metadata = revise_metadata(inherited, written)
        if with_history:
            check_whole(written, terms.commit_message)
            return await self._writer.copy(await self._finder.name(reference), metadata)
        verdicts = await self._patterns.judge(written_comparisons(written))
        draft = revise_draft(source.version.draft, written, verdicts)
        default_message = f"Copy of {source.prompt.name}@{source.version.version}"
        return await self._writer.create(metadata, draft, terms.or_message(default_message))

    async def update(
        self,
        name: str,
        written: PromptInput,
        *,
        new_name: str | None = None,
        branch: str = MAIN,
        expected_name: str | None = None,
        terms: Terms = ANY,
    ) -> Saved:
        """Change the written fields; changed content becomes a new version of a branch.

        A renamed prompt can still be found by its former name.

        Raises:
            NotFound, Forbidden: as everywhere.
            Invalid: a field can't be used, or the prompt isn't called `expected_name`.
            Conflict: the branch isn't what the terms expect; or the new name is taken; or the write
                would break prompts that include it, and isn't forced.
        """
        checked_name = None if new_name is None else check_name(new_name)
        # Before the prompt is locked, so that no other writer has to wait for this.
        verdicts = await self._patterns.judge(written_comparisons(written))

        def edit(prompt: Prompt, head: Version) -> tuple[Metadata, Draft]:
            check_called(prompt, expected_name)
            metadata = revise_metadata(metadata_of(prompt), written)
            if checked_name is not None:
                metadata = replace(metadata, name=checked_name)
            return metadata, revise_draft(head.draft, written, verdicts)

        return await self._writer.revise(
            name, edit, "update_prompt", branch=check_branch(branch), terms=terms
        )

    async def get(self, reference: str, reader: Reader = ANYONE) -> PromptVersion:
        """Return the prompt and version that a reference currently means to a reader.

        Raises:
            Invalid, NotFound: see `Finder.read`.
        """
        return self._counts.read(await self._finder.read(reference, reader))

    async def check_shown(self, reference: str) -> None:
        """Check that the prompt of a reference is visible, archived or not.

        Raises:
            Invalid: the text isn't a reference.
            NotFound: no such prompt is visible.
        """
        wanted = await self._finder.reference(reference)
        await self._sight.prompt(wanted.name, archived=True)

    async def render(
        self,
        reference: str,
        arguments: Mapping[str, object],
        *,
        reader: Reader = ANYONE,
        lenient: bool = False,
    ) -> RenderedPrompt:
        """Fill the blanks of the version that a reference means to a reader.

        With `lenient`, unknown arguments are ignored and named in the result.

        Raises:
            Invalid: arguments are missing, ill-typed or unknown; names all of them.
            NotFound: see `Finder.read`.
            NotFound, Conflict: an included text can't be used.
        """
        source = self._counts.read(await self._finder.read(reference, reader))
        if source.composition.problem is not None:
            raise source.composition.problem
        rendered = await self._render(source, arguments, lenient)
        if self._writer.may_write:
            self._values.remember(source.prompt.id, rendered.values)
        return RenderedPrompt(source, rendered.messages, rendered.ignored)

    async def missing(
        self, reference: str, arguments: Mapping[str, object], *, reader: Reader = ANYONE
    ) -> Missing:
        """Return the required arguments of a version that have no value yet.

        Raises:
            Invalid, NotFound: see `Finder.read`.
        """
        source = await self._finder.read(reference, reader)
        draft = for_variant(source.version.draft, source.variant)
        needed = needed_arguments(draft, source.composition.fragments)
        return Missing(source, missing_arguments(needed, arguments))

    async def list(
        self, chosen: PromptFilter, *, limit: int, cursor: str | None = None
    ) -> Page[PromptSummary]:
        """Return prompts by name, a page at a time.

        Raises:
            Invalid: the cursor isn't from this list.
        """
        page = await self._sight.summaries(chosen, limit=limit, cursor=cursor)
        return replace(page, items=await self._composer.complete(page.items))

    async def list_published(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> Page[PromptSummary]:
        """Return the published prompts by name: `limit` at a time, else in one go or in pages.

        Up to `MOST_WHOLE` prompts come in one go. If the library crosses that size while its pages
        are read, the next page continues where the last one ended, since the order is the same.

        Raises:
            Invalid: the cursor isn't from this list.
        """
        listing = self._sight.listing
        after = None if cursor is None else str(decode_cursor(listing, cursor, str)[0])
        whole = await self._sight.list_whole()
        if whole is None:
            size = min(limit or PAGE, MOST_WHOLE)
            published = await self._sight.list_after(after, size + 1)
        else:
            published = whole
            if after is not None:
                published = [each for each in whole if each.name > after]
            size = limit or MOST_WHOLE
        page = cut_page(published, size, listing, lambda summary: (summary.name,))
        return replace(page, items=await self._composer.complete(page.items))

    async def count_published(self) -> int:
        """Count the published prompts."""
        return await self._sight.count()

    async def archive(self, name: str, *, restore: bool = False, terms: Terms = ANY) -> Archiving:
        """Take a prompt out of lists and search, or restore it; nothing is deleted.

        Raises:
            NotFound, Forbidden: as everywhere.
            Conflict: the prompt isn't what the terms expect; or the change would break prompts that
                include it, and isn't forced.
        """
        act = "restore_prompt" if restore else "archive_prompt"
        change = self._writer.changing(name, act, terms, archived=True)
        async with change as (tx, prompt):
            async with self._writer.includers.kept(tx, prompt, force=terms.force) as broken:
                if (prompt.archived_at is not None) == restore:
                    await tx.prompts.set_archived(prompt.id, not restore)
            current = await written_prompt(tx, prompt.name)
        return Archiving(current, broken.warnings)

    async def _create(
        self,
        name: str,
        written: PromptInput,
        draft: Draft,
        terms: Terms,
    ) -> Saved:
        return await self._writer.create(new_metadata(name, written), draft, terms)

    async def _render(
        self, source: PromptVersion, arguments: Mapping[str, object], lenient: bool
    ) -> Rendered:
        draft = for_variant(source.version.draft, source.variant)
        fragments = source.composition.fragments
        needed = needed_arguments(draft, fragments)
        verdicts = await self._patterns.judge(given_comparisons(needed, arguments))
        fill = partial(
            render,
            draft,
            arguments,
            allow_unknown=lenient,
            fragments=fragments,
            verdicts=verdicts,
        )
        formats = {draft.template_format, *(each.template_format for each in fragments.values())}
        # A liquid template may compute for a while, which would block the event loop.
        return await asyncio.to_thread(fill) if "liquid" in formats else fill()
