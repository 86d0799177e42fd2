"""Renewing: brings an existing prompt up to the content of a file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from mcp_server.domain.drafts import content_hash
from mcp_server.domain.formats.files import PromptFile
from mcp_server.service.composing import Composer
from mcp_server.service.labelling import Shares, shares_of
from mcp_server.service.outcomes import OutcomeKind
from mcp_server.service.preparing import note_of
from mcp_server.service.writing import Writer, metadata_of
from storage.database import Transaction
from storage.values.entities import History, Metadata, NewVersion, Origin, Prompt, Version
from storage.values.errors import Conflict


@dataclass(frozen=True, slots=True)
class Done:
    """The outcome for a prompt, its version with the file's single text, and remarks."""

    kind: OutcomeKind
    version: int = 1
    remarks: tuple[str, ...] = ()


class Renewing:
    """Writes the changes and additions of a file to an existing prompt."""

    def __init__(self, writer: Writer, composer: Composer) -> None:
        self._writer = writer
        self._composer = composer

    async def renew_text(
        self,
        tx: Transaction,
        present: Prompt,
        origins: Mapping[int, Origin],
        file: PromptFile,
    ) -> Done:
        """Write a file's single text as the next version, unless the prompt has or had it."""
        metadata = metadata_of(present)
        merged = _merged(metadata, file)
        wanted = content_hash(file.draft)
        known = max((n for n, each in origins.items() if each.content_hash == wanted), default=0)
        if known and known != present.latest_version:
            return Done("unchanged", known, (_older(present.name, known),))
        if known and merged == metadata:
            return Done("unchanged", known)
        self._writer.check_stays(merged)
        if merged != metadata:
            await tx.prompts.update(present.id, merged)
        if known:
            return Done("updated", known)
        new = NewVersion(
            draft=file.draft,
            tags=merged.tags,
            created_by=file.created_by or self._writer.author,
            parent=present.latest_version,
            commit_message=note_of(file),
        )
        await self._writer.append(tx, present.id, merged.name, new)
        return Done("new version", present.last_version + 1)

    async def renew_history(
        self,
        tx: Transaction,
        present: Prompt,
        origins: Mapping[int, Origin],
        file: PromptFile,
        history: History,
    ) -> Done:
        """Append the versions of a file's history that come after the prompt's own.

        Raises:
            Conflict: the two histories diverged before.
        """
        for version in history.versions:
            origin = origins.get(version.version)
            if origin is not None and origin != _origin(version):
                raise Conflict(
                    f"Version {version.version} of '{present.name}' is another one here than in "
                    "the file: both were written since they parted. Rename the prompt in the file, "
                    "or import its newest text alone."
                )
        metadata, merged = metadata_of(present), replace(file.metadata, name=present.name)
        newest = len(history.versions)
        if newest < present.last_version or (newest == present.last_version and merged == metadata):
            return Done("unchanged")
        self._writer.check_stays(merged)
        if merged != metadata:
            await tx.prompts.update(present.id, merged)
        if newest == present.last_version:
            return Done("updated")
        moved_branches = tuple(
            each for each in history.branches if each.head > present.branches.get(each.branch, 0)
        )
        await tx.bulk.append_history(
            present.id, replace(history, branches=moved_branches), present.last_version
        )
        new = history.versions[present.last_version :]
        await self.record_includes(tx, present.id, present.name, history, new)
        return Done("new version")

    async def move_labels(
        self, tx: Transaction, present: Prompt, file: PromptFile, version: int
    ) -> bool:
        """Move labels to where a file has them, and return whether any moved.

        Labels of a file with a single text go to the `version` that has it.
        """
        wanted: Mapping[str, Shares] = {label: {version: 1} for label in file.labels}
        if file.history is not None:
            wanted = shares_of(file.history)
        reason = f"Import from {file.source}"
        return await self._writer.labelling.point(tx, present, wanted, reason)

    async def record_includes(
        self, tx: Transaction, prompt_id: UUID, name: str, history: History, new: Iterable[Version]
    ) -> None:
        """Record the includes of versions; only those of a version in use have to be valid."""
        used = {branch.head for branch in history.branches} | {*history.labels.values()}
        for version in new:
            if not version.includes:
                continue
            if version.version in used:
                included = await self._composer.check(tx, name, prompt_id, version.draft)
                edges = included.edges
            else:
                edges = await self._composer.edges(tx, version.draft)
            await tx.includes.record(prompt_id, version.version, edges)


def _origin(version: Version) -> Origin:
    return Origin(version.content_hash, version.branch, version.parent, version.merged_from)


def _older(name: str, version: int) -> str:
    return (
        f"Its text is version {version} of '{name}', and not the newest: nothing is changed. "
        f"Restore '{name}@{version}' to have it back."
    )


def _merged(present: Metadata, file: PromptFile) -> Metadata:
    """Return the metadata with the fields that the file mentions replaced."""
    return replace(present, **{name: getattr(file.metadata, name) for name in file.says - {"name"}})
