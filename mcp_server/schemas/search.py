"""Search: words and filters, and the hits."""

from typing import Annotated

from pydantic import Field

from mcp_server.schemas.base import NotBoolean, Shape, Unwrapped
from mcp_server.schemas.prompts import (
    Cursor,
    Limit,
    PromptSummaryOut,
    present_summary,
)
from storage.values.entities import MAX_VERSION, PromptFilter, SearchHit
from storage.values.pages import Page


class SearchIn(Shape):
    """Words and filters; everything given has to hold."""

    query: str = Field(
        "",
        description="Words to look for in names, titles, tags, descriptions and texts; "
        "misspellings are forgiven. Leave it out to list by name.",
        examples=["review python"],
        max_length=1000,
    )
    tags: Annotated[list[str], Unwrapped] = Field(
        default_factory=list,
        description="Only prompts that have every one of these tags.",
        examples=[["summarization"]],
    )
    folder: str | None = Field(
        None,
        description="Only prompts in this folder and below it.",
        examples=["support/emails"],
    )
    model_type: str | None = Field(
        None,
        description="Only prompts that have a text for this model: the base text's model_type or a "
        "variant, by its name or a prefix of it with '*'.",
        examples=["gpt-4"],
    )
    label: str | None = Field(
        None, description="Only prompts that have this label.", examples=["production"]
    )
    min_version: Annotated[int, Field(ge=1, le=MAX_VERSION), NotBoolean] | None = Field(
        None, description="Only prompts whose served version has at least this number."
    )
    includes: str | None = Field(
        None,
        description="Only prompts that include the prompt of this name: where it is used.",
        examples=["house-style"],
    )
    archived: bool = Field(
        False, description="Give true to search the archived prompts instead of those in use."
    )
    limit: Limit = 20
    cursor: Cursor | None = None

    def to_filter(self) -> PromptFilter:
        """Return the filters, for the use case."""
        return PromptFilter(
            tags=tuple(self.tags),
            folder=self.folder,
            model_type=self.model_type,
            label=self.label,
            min_version=self.min_version,
            includes=self.includes,
            archived=self.archived,
        )


class SearchHitOut(PromptSummaryOut):
    """A prompt that was found."""

    score: float = Field(description="How well it matches; higher is better, 0 without words.")
    snippet: str = Field(description="The passage where it matches, else the description.")


class SearchOut(Shape):
    """A page of what was found, best first."""

    items: list[SearchHitOut] = Field(description="The prompts that were found, best first.")
    next_cursor: str | None = Field(
        None, description="Give this as `cursor` to get the next page; absent on the last one."
    )


def present_hits(page: Page[SearchHit]) -> SearchOut:
    """Present a page of hits."""
    items = [
        SearchHitOut(**present_summary(hit.prompt), score=hit.score, snippet=hit.snippet)
        for hit in page.items
    ]
    return SearchOut(items=items, next_cursor=page.next_cursor)
