"""Views: the part of the library that a server publishes, and whether it may be written."""

from dataclasses import dataclass, replace
from typing import Protocol

from mcp_server.domain.names import check_folder, check_tag
from mcp_server.domain.texts import check_text
from storage.values.entities import Change, PromptFilter


class Placed(Protocol):
    """Anything with the folder and tags of a prompt: the prompt itself, or its metadata."""

    @property
    def folder(self) -> str: ...  # noqa: D102
    @property
    def tags(self) -> tuple[str, ...]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class View:
    """The part of the library that a caller sees: prompts with one of the tags, in one folder.

    Without tags, or without folders, that condition doesn't apply.

    Raises:
        Invalid: a tag or folder isn't one that a prompt can have.
    """

    tags: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    read_only: bool = False

    def __post_init__(self) -> None:
        folders = tuple(map(check_folder, self.folders))
        object.__setattr__(self, "tags", tuple(map(check_tag, self.tags)))
        # Everything lies below the root.
        object.__setattr__(self, "folders", () if "" in folders else folders)

    def admits(self, placed: Placed) -> bool:
        """Return whether a prompt is in this view."""
        tagged = not self.tags or any(tag in self.tags for tag in placed.tags)
        return tagged and (not self.folders or self._holds(placed.folder))

    def hears(self, change: Change) -> bool:
        """Return whether a change concerns this view: the prompt is or was in it, or may be."""
        return not change.places or any(map(self.admits, change.places))

    @property
    def is_partial(self) -> bool:
        """Whether there may be prompts outside this view."""
        return bool(self.tags or self.folders)

    def keeps(self, chosen: PromptFilter, placed: Placed) -> bool:
        """Return whether a prompt is in this view, lies in a filter's folder and has its tags.

        Raises:
            Invalid: the filter's folder isn't one that a prompt can have.
        """
        folder = check_folder(chosen.folder or "")
        inside = not folder or _is_below(placed.folder, folder)
        return inside and set(chosen.tags) <= set(placed.tags) and self.admits(placed)

    @property
    def filter(self) -> PromptFilter:
        """The filter that keeps exactly the prompts in this view."""
        return PromptFilter(any_tags=self.tags, folders=self.folders)

    def narrow(self, chosen: PromptFilter) -> PromptFilter:
        """Add this view's tags and folders to a filter.

        Raises:
            Invalid: no prompt can have a value of the filter.
        """
        for field in ("model_type", "label", "includes"):
            check_text(getattr(chosen, field) or "", field)
        for tag in chosen.tags:
            check_text(tag, "tags")
        folder = chosen.folder and check_folder(chosen.folder)
        return replace(chosen, folder=folder, any_tags=self.tags, folders=self.folders)

    def _holds(self, folder: str) -> bool:
        return any(_is_below(folder, held) for held in self.folders)

    def describe(self) -> str:
        """Describe the view in words that follow "prompts"."""
        tagged = f"tagged {_one_of(self.tags)}" if self.tags else ""
        placed = f"in the folder {_one_of(self.folders)}" if self.folders else ""
        return " and ".join(part for part in (tagged, placed) if part)


def _is_below(folder: str, held: str) -> bool:
    return folder == held or folder.startswith(f"{held}/")


def _one_of(names: tuple[str, ...]) -> str:
    return " or ".join(f"'{name}'" for name in names)
