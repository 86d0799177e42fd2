"""The tools that begin, delete and merge branches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server.protocol.tools import texts
from mcp_server.protocol.tools.tool import Tool
from mcp_server.schemas.branches import (
    BranchIn,
    BranchOut,
    MergeIn,
    MergeOut,
    present_branch,
    present_merge,
)
from mcp_server.service.terms import Terms

if TYPE_CHECKING:
    from mcp_server.service.library import Library


async def _create(library: Library, given: BranchIn) -> BranchOut:
    if given.delete:
        return present_branch(
            await library.branches.delete(
                given.reference, given.branch, terms=Terms(force=given.force)
            )
        )
    return present_branch(await library.branches.create(given.reference, given.branch))


async def _merge(library: Library, given: MergeIn) -> MergeOut:
    merged = await library.branches.merge(
        given.name,
        given.branch,
        into=given.into,
        resolution=given.to_resolution(),
        delete_branch=given.delete_branch,
        terms=given.terms(),
    )
    return present_merge(merged)


def _say_branch(branch: BranchOut) -> str:
    outcome = (
        f"Deleted the branch '{branch.branch}' of '{branch.name}'; its versions stay."
        if branch.head is None
        else f"The branch '{branch.branch}' of '{branch.name}' begins at version {branch.head}."
    )
    standing = f"Branches: {texts.labelled(branch.branches)}."
    return texts.join([outcome, standing, *(branch.warnings or ())])


def _say_merge(merge: MergeOut) -> str:
    served = merge.served_version
    return texts.join(
        [
            _outcome(merge),
            f"Deleted the branch '{merge.merged_branch}'." if merge.branch_deleted else None,
            f"Labels: {texts.labelled(merge.labels)}. Branches: {texts.labelled(merge.branches)}. "
            f"'{merge.name}' means version {served}.",
            *(merge.warnings or ()),
        ]
    )


def _outcome(merge: MergeOut) -> str:
    branch, into = merge.merged_branch, merge.into
    match merge.outcome:
        case "merged":
            return (
                f"Merged '{branch}' into '{into}' of '{merge.name}': version {merge.version} has "
                "the changes of both."
            )
        case "fast_forward":
            return (
                f"'{into}' of '{merge.name}' had nothing of its own, so it moved to version "
                f"{merge.version}, the newest of '{branch}'."
            )
    return f"Everything of '{branch}' is in '{into}' of '{merge.name}' already."


CREATE_BRANCH = Tool(
    name="create_branch",
    title="Begin or delete a branch",
    description="""\
Begin a branch: a named line of versions beside main, on which a prompt can be changed and tried \
without changing what its users are served. Write on it with update_prompt and its `branch`; read \
and render it as 'name@branch:terse'; bring it back with merge_branch.

`reference` says where it begins: 'name@latest' at the newest version of main, 'name@3' at \
version 3; a bare name means what is served now. Beginning one writes no version. A name that is \
taken is refused.

With `delete: true` the branch is taken away; then `reference` is just the name. Its versions stay \
in the history and can be read by their numbers, but what wasn't merged is on no branch any more. \
main can't be deleted.""",
    input=BranchIn,
    output=BranchOut,
    run=_create,
    say=_say_branch,
    writes=True,
    destructive=True,
    idempotent=False,
)

MERGE_BRANCH = Tool(
    name="merge_branch",
    title="Merge a branch",
    description="""\
Bring what was written on a `branch` into main, or into the branch that you name in `into`. Where \
that one has nothing of its own since the two went apart, it moves to the branch's newest version. \
Otherwise both sides' changes are put together in a new version: texts line by line, arguments, \
settings and variants one by one.

Where both sides changed the same place differently, the call fails, nothing is written, and the \
answer shows each such place: what it was, what it is in `into`, what it is on the branch. Decide, \
with the user if in doubt, and call again with `resolution`: the whole `template` (or `messages`, \
`arguments`, …) as it shall be. Fields that you don't give there are merged as before. Read both \
texts with get_prompt ('name@latest' and 'name@branch:terse') to write the merged one.

`expected_version` is the newest version of `into` that you read; if somebody wrote meanwhile, the \
call fails. Merging into main changes what users are served where the label production isn't set. \
The branch stays and can be written on; `delete_branch: true` takes it away.""",
    input=MergeIn,
    output=MergeOut,
    run=_merge,
    say=_say_merge,
    writes=True,
    destructive=False,
    idempotent=True,
)
