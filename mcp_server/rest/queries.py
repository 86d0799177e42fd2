"""Query strings: the filters of a list, and the cursor of a page."""

from typing import Annotated

from fastapi import Query
from pydantic import Field

from mcp_server.domain.texts import check_text
from mcp_server.rest.shapes import Number, UrlNumber
from mcp_server.schemas.base import Shape
from mcp_server.schemas.prompts import Cursor, Limit
from mcp_server.schemas.reading import ForModel, Key
from storage.values.entities import PromptFilter


class PromptsQuery(Shape):
    """What narrows a list of prompts; everything given has to hold."""

    q: str = Field(
        "",
        description="Words to search for in names, titles, tags, descriptions and texts; best "
        "matches come first. Without it the list is by name.",
        max_length=1000,
    )
    tag: list[str] = Field(
        default_factory=list, description="Only prompts with this tag (repeatable: all of them)."
    )
    tags: list[str] = Field(
        default_factory=list, description="The same, also with commas between the tags."
    )
    folder: str | None = Field(None, description="Only prompts in this folder and below it.")
    model_type: str | None = Field(
        None,
        description="Only prompts that have a text for this model: the base text's model_type or a "
        "variant, by its name or a prefix of it with '*'.",
    )
    label: str | None = Field(None, description="Only prompts that have this label.")
    version: Annotated[Number, UrlNumber] | None = Field(
        None, description="Only prompts whose served version is this one."
    )
    min_version: Annotated[Number, UrlNumber] | None = Field(
        None, description="Only prompts whose served version has at least this number."
    )
    includes: str | None = Field(
        None, description="Only prompts that include the prompt of this name: where it is used."
    )
    archived: bool = Field(False, description="Only archived prompts, instead of all others.")
    limit: Annotated[Limit, UrlNumber] = 20
    cursor: Cursor | None = None

    def words(self) -> str:
        """Return the words to search for.

        Raises:
            Invalid: they hold characters that no text may have.
        """
        return check_text(self.q, "q")

    def to_filter(self) -> PromptFilter:
        """Return the filters, for the use case."""
        separate = (tag.strip() for tags in self.tags for tag in tags.split(","))
        return PromptFilter(
            tags=(*self.tag, *(tag for tag in separate if tag)),
            folder=self.folder,
            model_type=self.model_type,
            label=self.label,
            version=self.version,
            min_version=self.min_version,
            includes=self.includes,
            archived=self.archived,
        )


ReasonQuery = Annotated[
    str | None, Query(description="Why it is taken away; kept in the label's history.")
]


Force = Annotated[
    bool,
    Query(description="Do it although prompts that include it can't be used then."),
]


class ReadQuery(Shape):
    """For whom a prompt is read."""

    model_type: ForModel | None = None
    key: Key | None = None


class LabelHistoryQuery(Shape):
    """Which moves of labels to list."""

    label: str | None = Field(None, description="Only moves of this label.")
    limit: Annotated[Limit, UrlNumber] = 20
    cursor: Cursor | None = None


class VersionsQuery(Shape):
    """Which of a prompt's versions to list."""

    branch: str | None = Field(
        None,
        description="Only the newest version of this branch and those that it was made from.",
    )
    limit: Annotated[Limit, UrlNumber] = 20
    cursor: Cursor | None = None


class HistoryQuery(Shape):
    """Which of a prompt's versions to list."""

    limit: Annotated[Limit, UrlNumber] = 20
    cursor: Cursor | None = None


class DiffQuery(Shape):
    """Which two versions of a prompt to compare."""

    old: str = Field(
        description="The version to start from: a number, a label, or 'branch:main'.",
        examples=["2"],
        max_length=100,
    )
    new: str = Field(
        "latest",
        description="The version to compare with it.",
        examples=["3", "latest"],
        max_length=100,
    )
    words: bool = Field(False, description="Compare changed texts word by word too.")
    merge: bool = Field(
        False, description="Show also what merging the new one into the old one would bring."
    )
