"""Branches: create, list, delete, merge."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict

from mcp_server.domain.lineage import Lineage
from mcp_server.domain.merging import Merge, MergeConflict, merge_drafts, write_conflicts
from mcp_server.domain.names import check_branch
from mcp_server.domain.references import branch_head, resolve_reference
from mcp_server.service.editing import merged_comparisons, merged_draft
from mcp_server.service.finding import Finder
from mcp_server.service.inputs import PromptInput
from mcp_server.service.patterns import Patterns
from mcp_server.service.results import BranchChange, BranchStanding, Merged, MergeOutcome
from mcp_server.service.sight import Sight
from mcp_server.service.terms import ANY, Terms
from mcp_server.service.writing import Writer, head_of, written_prompt
from storage.database import Transaction
from storage.values.entities import MAIN, Draft, NewVersion, Prompt, Version
from storage.values.errors import Conflict, Invalid

MAX_BRANCHES = 200
"""Most branches of one prompt, since all are read with it each time."""

_TOLD = 50
_TOLD_CHARACTERS = 50_000


class Branches:
    """The use cases of branches."""

    def __init__(self, sight: Sight, finder: Finder, writer: Writer, patterns: Patterns) -> None:
        self._sight = sight
        self._finder = finder
        self._writer = writer
        self._patterns = patterns

    async def create(self, reference: str, branch: str, *, terms: Terms = ANY) -> BranchChange:
        """Create a branch at the version that a reference means.

        Raises:
            NotFound: there is no such prompt or version.
            Invalid: the name isn't one that a branch may have, or there are too many.
            Conflict: the prompt has a branch of that name, or isn't what the terms expect.
        """
        check_branch(branch)
        wanted = await self._finder.reference(reference)
        async with self._writer.changing(wanted.name, "create_branch", terms) as (tx, prompt):
            head = resolve_reference(prompt, wanted)
            _check_room(prompt)
            await tx.branches.insert(prompt.id, branch, head, created_by=self._writer.author)
            current = await written_prompt(tx, prompt.name)
        return BranchChange(current, branch, head)

    async def list(self, name: str) -> Sequence[BranchStanding]:
        """Return a prompt's branches by name, each compared with `main`.

        Raises:
            NotFound: there is no such prompt.
        """
        prompt = await self._finder.prompt(name)

        async def read(tx: Transaction) -> Sequence[BranchStanding]:
            branches = await tx.branches.list(prompt.id)
            lineage = Lineage(await tx.branches.list_ancestry(prompt.id))
            heads = {each.branch: lineage.line_of(each.head) for each in branches}
            main = heads.get(MAIN, set())
            return [
                BranchStanding(each, len(heads[each.branch] - main), len(main - heads[each.branch]))
                for each in branches
            ]

        return await self._sight.read_unchecked(read)

    async def delete(self, name: str, branch: str, *, terms: Terms = ANY) -> BranchChange:
        """Delete a branch; the versions that were written on it stay.

        Raises:
            NotFound: there is no such prompt or branch.
            Invalid: it is `main`.
            Conflict: the prompt isn't what the terms expect; or the change would break prompts that
                include it, and isn't forced.
        """
        check_branch(branch)
        _check_deletable(branch)
        async with self._writer.changing(name, "delete_branch", terms) as (tx, prompt):
            branch_head(prompt, branch)
            async with self._writer.includers.kept(tx, prompt, force=terms.force) as broken:
                await tx.branches.remove(prompt.id, branch)
            current = await written_prompt(tx, prompt.name)
        return BranchChange(current, branch, None, broken.warnings)

    async def merge(
        self,
        name: str,
        branch: str,
        *,
        into: str = MAIN,
        resolution: PromptInput | None = None,
        delete_branch: bool = False,
        terms: Terms = ANY,
    ) -> Merged:
        """Merge a branch into another one.

        If nothing was written on the other one since they diverged, and there is no `resolution`,
        it moves ahead and no version is written. Otherwise a new version combines the changes of
        both; the fields of a `resolution` replace the merged ones.

        Raises:
            NotFound: there is no such prompt or branch.
            Invalid: a field of the resolution can't be used; or the branches are the same one; or
                `main` can't be deleted.
            Conflict: both sides changed the same place and no resolution decides it; or there is a
                resolution but nothing to merge; or the branch merged into isn't what the terms
                expect; or the merge would break including prompts, and isn't forced.
        """
        terms.check_message()
        _check_two(check_branch(branch), check_branch(into))
        if delete_branch:
            _check_deletable(branch)
        change = self._writer.changing(name, "merge_branch", terms, branch=into)
        async with change as (tx, prompt):
            lineage = Lineage(await tx.branches.list_ancestry(prompt.id))
            ours, theirs = prompt.branches[into], branch_head(prompt, branch)
            base = lineage.parting(ours, theirs)
            outcome = _outcome(ours, theirs, base, resolution, branch, into)
            async with self._writer.includers.kept(tx, prompt, force=terms.force) as broken:
                if outcome == "fast_forward":
                    await tx.branches.point(prompt.id, into, theirs)
                elif outcome == "merged":
                    message = terms.commit_message or f"Merge branch '{branch}'"
                    await self._write(tx, prompt, branch, into, base, resolution, message)
                if delete_branch:
                    await tx.branches.remove(prompt.id, branch)
            current = await self._writer.read_back(tx, prompt.name, into)
        return Merged(current, outcome, branch, into, base, delete_branch, broken.warnings)

    async def _write(
        self,
        tx: Transaction,
        prompt: Prompt,
        branch: str,
        into: str,
        base: int | None,
        resolution: PromptInput | None,
        commit_message: str,
    ) -> None:
        ours, theirs = await head_of(tx, prompt, into), await head_of(tx, prompt, branch)
        common = None if base is None else await tx.versions.find(prompt.id, base)
        draft = await self._merge(prompt, common, (into, ours), (branch, theirs), resolution)
        new = NewVersion(
            draft=draft,
            tags=prompt.tags,
            created_by=self._writer.author,
            branch=into,
            parent=ours.version,
            merged_from=theirs.version,
            commit_message=commit_message,
        )
        await self._writer.append(tx, prompt.id, prompt.name, new)

    async def _merge(
        self,
        prompt: Prompt,
        base: Version | None,
        ours: tuple[str, Version],
        theirs: tuple[str, Version],
        resolution: PromptInput | None,
    ) -> Draft:
        """Return the merged draft of two heads.

        Raises:
            Conflict: some places have to be decided first.
            Invalid: the result can't be stored, or a field of the resolution can't be used.
        """
        common = Draft(()) if base is None else base.draft
        sides = (ours[1].draft, theirs[1].draft)
        # Large texts take up to a second: others are served meanwhile.
        merge = await asyncio.to_thread(merge_drafts, common, *sides)
        overrides = resolution or PromptInput()
        open_conflicts = _undecided(merge, overrides)
        if open_conflicts:
            raise _conflict(prompt, open_conflicts, ours, theirs)
        verdicts = await self._patterns.judge(merged_comparisons(merge, overrides, sides))
        return merged_draft(merge, overrides, verdicts)


def _undecided(merge: Merge, resolution: PromptInput) -> Sequence[MergeConflict]:
    decided = {"messages" if name == "template" else name for name in resolution}
    return [each for each in merge.conflicts if each.field not in decided]


def _conflict(
    prompt: Prompt,
    conflicts: Sequence[MergeConflict],
    ours: tuple[str, Version],
    theirs: tuple[str, Version],
) -> Conflict:
    (into, head), (branch, other) = ours, theirs
    listed = _listed(conflicts)
    left_out = len(conflicts) - len(listed)
    fields = sorted({"template" if it.field == "messages" else it.field for it in conflicts})
    places = "1 place" if len(conflicts) == 1 else f"{len(conflicts)} places"
    more = f" {left_out} more aren't shown: compare the two heads." if left_out else ""
    return Conflict(
        f"'{branch}' and '{into}' of '{prompt.name}' changed {places} differently, so nothing was "
        f"written. Merge again with a resolution that gives {' and '.join(map(repr, fields))} as "
        f"it shall be.{more}",
        current_version=head.version,
        conflicts=[asdict(each) for each in listed],
        marked=write_conflicts(
            listed, f"{into} (version {head.version})", f"{branch} (version {other.version})"
        ),
    )


def _listed(conflicts: Sequence[MergeConflict]) -> Sequence[MergeConflict]:
    """Return the first conflicts, as many as an answer may hold."""
    listed: list[MergeConflict] = []
    size = 0
    for each in conflicts[:_TOLD]:
        size += sum(len(str(side)) for side in (each.base, each.ours, each.theirs))
        if size > _TOLD_CHARACTERS:
            break
        listed.append(each)
    return listed


def _outcome(
    ours: int,
    theirs: int,
    base: int | None,
    resolution: PromptInput | None,
    branch: str,
    into: str,
) -> MergeOutcome:
    """Return the outcome that a merge will have.

    Raises:
        Conflict: there is a resolution, but nothing to merge.
    """
    resolved = resolution is not None and bool(resolution)
    if base == theirs and resolved:
        raise Conflict(
            f"Everything of '{branch}' is in '{into}' already, so there is nothing to resolve. "
            f"Write the text as a change of '{into}', or leave the resolution out.",
            current_version=ours,
        )
    if base == theirs:
        return "already_merged"
    return "fast_forward" if base == ours and not resolved else "merged"


def _check_two(branch: str, into: str) -> None:
    if branch == into:
        raise Invalid(
            f"'{branch}' can't be merged into itself. Give another branch in 'into'.",
            fields={"into": f"is '{branch}' itself"},
        )


def _check_deletable(branch: str) -> None:
    if branch == MAIN:
        raise Invalid(
            f"Every prompt has the branch '{MAIN}', so it can't be deleted. Archive the prompt to "
            "take it out of use.",
            fields={"branch": "can't be main"},
        )


def _check_room(prompt: Prompt) -> None:
    if len(prompt.branches) >= MAX_BRANCHES:
        raise Invalid(
            f"'{prompt.name}' has {len(prompt.branches)} branches; at most {MAX_BRANCHES} are "
            "allowed. Delete one whose versions are merged.",
            fields={"branch": f"would be more than {MAX_BRANCHES}"},
        )
