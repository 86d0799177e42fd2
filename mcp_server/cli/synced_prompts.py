"""A prompt of a sync: both of its sides, and the reasons to leave it as it is."""

from dataclasses import dataclass

from mcp_server.cli.sync_states import STATE
from mcp_server.cli.synced_folders import Found
from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.syncing import Base, Step
from mcp_server.service.syncing import Away, Head
from storage.values.errors import Conflict

_LEFT: dict[Step, str] = {
    "conflict": "changed, and so did '{name}' in the library. Nothing was overwritten: "
    "put one into the other, or sync with --prefer files or --prefer library.",
    "file deleted": "deleted here, and '{name}' is still in the library. Archive it "
    "there, or delete it from " + STATE + " to have the file again.",
    "prompt gone": "'{name}' isn't in this library any more. Delete the file, or delete the "
    "prompt from " + STATE + " to have it created.",
}
_AWAY = {
    "archived": "'{name}' is archived in the library. Restore it there, give the file's prompt "
    "another name, or delete the file.",
    "renamed": "'{name}' was renamed to '{now}' in the library. Rename it back there, give the "
    "file's prompt a name of its own, or delete the file.",
}


@dataclass(frozen=True, slots=True)
class SyncedPrompt:
    """A prompt in its file, in the library, and as both were when they were last in step."""

    name: str
    found: Found | None
    there: Head | Away | None
    base: Base | None

    @property
    def head(self) -> Head | None:
        """The library's side, if it has one that is synced."""
        return self.there if isinstance(self.there, Head) else None

    @property
    def place(self) -> str:
        """The place of its file, now or at the last sync; else its name."""
        return self.found.place if self.found else self.base.place if self.base else self.name

    @property
    def said(self) -> frozenset[str]:
        """The metadata fields that its file decided at the last sync."""
        return self.base.says if self.base else frozenset()

    @property
    def unsaid(self) -> frozenset[str]:
        """The metadata fields already reported as having no place in its file."""
        return self.base.unsaid if self.base else frozenset()

    @property
    def is_asked_for(self) -> bool:
        """Whether the filter of the sync doesn't leave it out."""
        return not (isinstance(self.there, Away) and self.there.why == "not asked for")

    @property
    def is_file_new(self) -> bool:
        """Whether its file is new, or has changed since the last sync."""
        return self.found is not None and (
            self.base is None or self.base.file != self.found.fingerprint
        )

    def settled(self) -> Base | None:
        """Return its base if both sides stay as they are; None if a side is missing."""
        if self.found is None or self.head is None:
            return None
        fingerprints = self.found.fingerprint, self.head.fingerprint
        return Base(self.found.place, *fingerprints, self.found.says, self.unsaid)

    def check(self, step: Step) -> None:
        """Refuse a step that people have to decide.

        Raises:
            Conflict: the prompt has to stay as it is on both sides.
        """
        if isinstance(self.there, Away) and self.found is not None:
            message = _AWAY[self.there.why].format(name=self.name, now=self.there.name)
            raise Conflict(message)
        if step in _LEFT:
            raise Conflict(_LEFT[step].format(name=self.name))


def remarks_on(file: PromptFile) -> list[str]:
    """Return remarks on a file that a sync takes: of its history and labels, it takes neither."""
    remarks = list(file.remarks)
    if file.history is not None:
        remarks.append("Its history isn't synced, only its newest text. Import the file for both.")
    elif file.labels:
        named = ", ".join(f"'{label}'" for label in file.labels)
        remarks.append(
            f"A sync sets no labels, and leaves out {named}. Set labels with `promptstack label`."
        )
    return remarks
