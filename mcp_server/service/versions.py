"""Versions: list, compare, restore."""

import asyncio
from functools import partial

from mcp_server.domain.diffs import diff_versions
from mcp_server.domain.lineage import Lineage
from mcp_server.domain.merging import MergeView, view_merge
from mcp_server.domain.names import check_branch
from mcp_server.domain.references import branch_head, parse_reference
from mcp_server.service.finding import Finder
from mcp_server.service.results import Comparison, History, PromptVersion, Saved
from mcp_server.service.sight import Sight
from mcp_server.service.terms import ANY, Terms
from mcp_server.service.writing import Writer, metadata_of
from storage.values.entities import MAIN, Draft, Metadata, Prompt, Version, VersionSummary
from storage.values.errors import Invalid, NotFound
from storage.values.pages import Page


class Versions:
    """The use cases of versions."""

    def __init__(self, sight: Sight, finder: Finder, writer: Writer) -> None:
        self._sight = sight
        self._finder = finder
        self._writer = writer

    async def list(
        self, name: str, *, branch: str | None = None, limit: int, cursor: str | None = None
    ) -> Page[VersionSummary]:
        """Return a prompt's versions, newest first, without their texts.

        With a `branch`, only its head and the head's ancestors.

        Raises:
            NotFound: there is no such prompt, or it has no such branch.
            Invalid: the cursor isn't from this list.
        """
        prompt = await self._finder.prompt(name)
        wanted = None
        if branch is not None:
            wanted = check_branch(branch), branch_head(prompt, branch)
        return await self._sight.read_unchecked(
            lambda tx: tx.versions.list_summaries(
                prompt.id, branch=wanted, limit=limit, cursor=cursor
            )
        )

    async def history(self, name: str, *, limit: int, cursor: str | None = None) -> History:
        """Return a prompt's versions with their texts, newest first.

        Raises:
            NotFound: there is no such prompt.
            Invalid: the cursor isn't from this list.
        """
        prompt = await self._finder.prompt(name)
        page = await self._sight.read_unchecked(
            lambda tx: tx.versions.list(prompt.id, limit=limit, cursor=cursor)
        )
        return History(prompt, page)

    async def reference(self, name: str, point: str) -> str:
        """Return the reference to a version of a prompt; `point` is the part after the '@'.

        Raises:
            Invalid: the name is more than a name, or the two don't make a reference.
        """
        return str(parse_reference(f"{await self._finder.name(name)}@{point}"))

    async def diff(
        self, old: str, new: str, *, words: bool = False, merge: bool = False
    ) -> Comparison:
        """Compare the versions that two references mean, by line and with `words` also by word.

        With `merge`, also preview a merge of the new one into the old one.

        Raises:
            Invalid, NotFound: see `Finder.read`; also if `merge` is on and the two can't be merged.
        """
        before, after = await self._finder.read(old), await self._finder.read(new)
        compare = partial(diff_versions, before.version, after.version, words=words)
        # Large texts take up to a second: others are served meanwhile.
        difference = await asyncio.to_thread(compare)
        view = await self._view_merge(before, after) if merge else None
        return Comparison(difference, view)

    async def _view_merge(self, ours: PromptVersion, theirs: PromptVersion) -> MergeView:
        prompt = ours.prompt
        if theirs.prompt.id != prompt.id:
            raise Invalid(
                f"'{prompt.name}' and '{theirs.prompt.name}' are two prompts, which can't be "
                "merged. Leave 'merge' out to compare them.",
                fields={"merge": "needs two versions of one prompt"},
            )
        rows = await self._sight.read_unchecked(lambda tx: tx.branches.list_ancestry(prompt.id))
        number = Lineage(rows).parting(ours.version.version, theirs.version.version)
        base = None if number is None else await self._sight.version(prompt, number)
        if base is None:
            raise NotFound(
                f"Versions {ours.version.version} and {theirs.version.version} of "
                f"'{prompt.name}' were made from nothing in common. Compare them without "
                "'merge'."
            )
        return await asyncio.to_thread(view_merge, base, ours.version, theirs.version)

    async def restore(
        self,
        reference: str,
        *,
        branch: str = MAIN,
        terms: Terms = ANY,
    ) -> Saved:
        """Write an old version's content as a new version of a branch; history stays as it is.

        Raises:
            NotFound, Invalid, Forbidden: as everywhere.
            Conflict: the branch isn't what the terms expect; or the write would break prompts that
                include this one, and isn't forced.
        """
        source = await self._finder.read(reference)

        def edit(prompt: Prompt, head: Version) -> tuple[Metadata, Draft]:
            return metadata_of(prompt), source.version.draft

        return await self._writer.revise(
            source.prompt.name,
            edit,
            "restore_version",
            branch=check_branch(branch),
            terms=terms.or_message(f"Restore version {source.version.version}"),
        )
