"""The tools that show the history of a prompt and go back in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server.protocol.tools import texts
from mcp_server.protocol.tools.prompts import say_saved
from mcp_server.protocol.tools.tool import Tool
from mcp_server.schemas.prompts import SavedOut, present_saved
from mcp_server.schemas.versions import (
    DiffIn,
    DiffOut,
    RestoreIn,
    VersionOut,
    VersionsIn,
    VersionsOut,
    present_diff,
    present_versions,
)
from storage.values.entities import MAIN

if TYPE_CHECKING:
    from mcp_server.service.library import Library


async def _list(library: Library, given: VersionsIn) -> VersionsOut:
    page = await library.versions.list(
        given.name, branch=given.branch, limit=given.limit, cursor=given.cursor
    )
    return present_versions(page)


async def _diff(library: Library, given: DiffIn) -> DiffOut:
    comparison = await library.versions.diff(
        given.old, given.new, words=given.words, merge=given.merge
    )
    return present_diff(comparison)


def _say_diff(diff: DiffOut) -> str:
    return diff.text if diff.merge is None else diff.merge.text


async def _restore(library: Library, given: RestoreIn) -> SavedOut:
    saved = await library.versions.restore(
        given.reference, branch=given.branch, terms=given.terms()
    )
    return present_saved(saved)


def _say_versions(versions: VersionsOut) -> str:
    if not versions.items:
        return "There is no such version."
    return texts.join([*map(_say_version, versions.items), texts.next_page(versions.next_cursor)])


def _say_version(version: VersionOut) -> str:
    labels = f" [{texts.listed(version.labels)}]" if version.labels else ""
    message = f": {version.commit_message}" if version.commit_message else ""
    written_at = version.created_at.strftime("%Y-%m-%d %H:%M")
    branch = "" if version.branch == MAIN else f" on {version.branch}"
    merged = f", merged from {version.merged_from}" if version.merged_from else ""
    return (
        f"- {version.version}{labels}{branch} {written_at} by {version.created_by}{merged}{message}"
    )


LIST_VERSIONS = Tool(
    name="list_versions",
    title="List versions",
    description="""\
Show the history of a prompt: its versions, newest first, each with its number, who wrote it, \
when and why, on which branch, which version it was made from (`parent`) or merged from \
(`merged_from`), and which labels point at it now. Give a `branch` to see only what is in it. \
Texts are left out; read one with get_prompt ('name@3') and compare two with diff_versions.

Versions are numbered from 1 without gaps and never change. Labels are movable: `labels` says \
where they point now, not where they pointed when the version was written. Where there are more \
versions than `limit`, `next_cursor` leads to the next page.""",
    input=VersionsIn,
    output=VersionsOut,
    run=_list,
    say=_say_versions,
    writes=False,
    destructive=False,
    idempotent=True,
)

DIFF_VERSIONS = Tool(
    name="diff_versions",
    title="Compare versions",
    description="""\
Show what changed between two versions: the texts as a unified diff, arguments that were added, \
removed or changed, and other fields such as tags and model settings. `old` and `new` are \
references, so 'name@3' and 'name@4' compare two versions, and 'name@production' and \
'name@latest' show what would change for users if the newest version were promoted. \
`words: true` shows changed texts word by word. `merge: true` shows what merging `new` into `old` \
would bring ('name@latest' and 'name@branch:terse'): what each side changed since they went apart, \
and where both changed the same place.

The title, description and folder belong to the prompt and not to a version, so they are not \
compared.""",
    input=DiffIn,
    output=DiffOut,
    run=_diff,
    say=_say_diff,
    writes=False,
    destructive=False,
    idempotent=True,
)

RESTORE_VERSION = Tool(
    name="restore_version",
    title="Restore a version",
    description="""\
Bring an old version's content back as a new version on main, or on the `branch` that you give: \
history goes on and nothing is overwritten. \
Restoring version 3 of a prompt that is at version 7 writes version 8 with the \
content of version 3. The title, description, folder and tags stay as they are. If the newest \
version already has that content, nothing is written.

`expected_version` works as for update_prompt: give the `latest_version` that you read, and the \
call fails if somebody wrote meanwhile.

Restoring doesn't move labels. To have users served an old version at once, it is often enough to \
point production back at it with set_label, which is also quickly undone.""",
    input=RestoreIn,
    output=SavedOut,
    run=_restore,
    say=say_saved,
    writes=True,
    destructive=False,
    idempotent=True,
)
