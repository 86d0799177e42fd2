"""Finding prompts by words, by spelling and by filters, in ranked queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from storage.candidates import Asked, any_of, headed, newest, rare_among, words_of
from storage.entities import PromptFilter, PromptSummary
from storage.filters import conditions
from storage.pages import Page, cut_page, decode_cursor
from storage.prompts import SERVED, SUMMARY
from storage.rows import summary_from_row
from storage.tables import prompt_versions, prompts

_SNIPPET_SOURCE = 8_000
"""How much of a text is looked through for the words to show."""

Way = Literal["words", "swapped", "alike"]
"""What is tried, one after the other: the words; with letters swapped; some words or spellings."""


@dataclass(frozen=True, slots=True)
class Found:
    """A prompt that matched, its score, and the beginning of its text to cut a snippet from."""

    prompt: PromptSummary
    score: float
    text: str


class Search:
    """The repository of what can be found."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(
        self, words: str, chosen: PromptFilter, *, limit: int, cursor: str | None = None
    ) -> Page[Found]:
        """Return the prompts that match, best first.

        All words have to match, wherever they stand. Where nothing does, prompts are returned that
        match them with neighbouring letters swapped; where nothing does either, those that match
        any of them, or whose name or title is spelt alike.

        Raises:
            Invalid: the cursor isn't one of this search.
        """
        listing = f"search {words!r} {chosen}"
        position = decode_cursor(listing, cursor) if cursor is not None else None
        rows: Sequence[Found] = ()
        way: Way
        for way in get_args(Way):
            if position is None or way == position[0]:
                query = _best(_scored(way, words, chosen), limit + 1, position)
                found = await self._connection.execute(query)
                rows = [
                    Found(summary_from_row(row), row["score"], row["text"])
                    for row in found.mappings()
                ]
            if rows:
                break
        return cut_page(rows, limit, listing, lambda hit: (way, hit.score, hit.prompt.name))


def _best(
    scored: sa.CTE, limit: int, after: tuple[str | int | float, ...] | None
) -> sa.Select[tuple[object, ...]]:
    """Select the best, whole: only what is shown is read from other tables."""
    best = sa.select(scored).order_by(scored.c.score.desc(), scored.c.name).limit(limit)
    if after is not None:
        _, score, name = after
        worse = scored.c.score < score
        best = best.where(sa.or_(worse, sa.and_(scored.c.score == score, scored.c.name > name)))
    chosen = best.cte("best")
    return (
        sa.select(*SUMMARY, chosen.c.score, _beginning())
        .select_from(SERVED.join(chosen, chosen.c.id == prompts.c.id))
        .order_by(chosen.c.score.desc(), prompts.c.name)
    )


def _beginning() -> sa.Label[str]:
    text = sa.func.promptstack_text(prompt_versions.c.messages)
    return sa.func.left(sa.func.coalesce(text, ""), _SNIPPET_SOURCE).label("text")


def _scored(way: Way, words: str, chosen: PromptFilter) -> sa.CTE:
    match way:
        case "words":
            return _scored_all(sa.func.promptstack_query(words), words, chosen)
        case "swapped":
            return _scored_all(sa.func.promptstack_swapped(words), words, chosen)
        case "alike":
            return _scored_alike(words, chosen)


def _scored_all(read: ColumnElement[object], words: str, chosen: PromptFilter) -> sa.CTE:
    """Score what has all words: by where they stand, closeness in the heading, an exact name."""
    query = sa.select(_unless_empty(read).label("words")).cte("query")
    asked = Asked("all", sa.select(query.c.words).scalar_subquery(), chosen)
    candidates = sa.union(
        *(sa.select(each.c.id) for each in (headed(asked), newest(asked))), _named(words, chosen)
    ).cte("candidates")
    score = (
        sa.func.ts_rank(prompts.c.search, asked.words)
        + sa.func.ts_rank_cd(prompts.c.heading, asked.words, 32)
        + _is_named(words)
    )
    return _with_scores(candidates, score)


def _scored_alike(words: str, chosen: PromptFilter) -> sa.CTE:
    """Score what has some of the words, or a name or title that is spelt alike."""
    query = sa.func.promptstack_query(words)
    each = words_of(query).cte("each_word").prefix_with("MATERIALIZED")
    loose = sa.select(any_of(each).label("any"), rare_among(each).label("rare")).cte("loose")
    any_words = sa.select(loose.c.any).scalar_subquery()
    asked = Asked("any", any_words, chosen)
    rare = Asked("rare", sa.select(loose.c.rare).scalar_subquery(), chosen)
    alike = sa.select(sa.func.promptstack_misspelt(words).table_valued("id", "alike")).cte(
        "misspelt"
    )
    candidates = sa.union(
        *(sa.select(each.c.id) for each in (headed(asked), newest(rare), newest(asked))),
        sa.select(prompts.c.id).join(alike, alike.c.id == prompts.c.id).where(*conditions(chosen)),
    ).cte("candidates")
    spelt = sa.select(alike.c.alike).where(alike.c.id == prompts.c.id).scalar_subquery()
    rank = sa.func.ts_rank(prompts.c.search, any_words)
    return _with_scores(candidates, sa.func.coalesce(rank, 0) + sa.func.coalesce(spelt, 0))


def _unless_empty(query: ColumnElement[object]) -> ColumnElement[object]:
    return sa.func.nullif(query, sa.cast("", TSQUERY))


def _is_named(words: str) -> ColumnElement[int]:
    return sa.cast(prompts.c.name == sa.func.promptstack_fold(words), sa.Integer)


def _named(words: str, chosen: PromptFilter) -> sa.Select[tuple[object]]:
    is_named = prompts.c.name == sa.func.promptstack_fold(words)
    return sa.select(prompts.c.id).where(is_named, *conditions(chosen))


def _with_scores(candidates: sa.CTE, score: ColumnElement[object]) -> sa.CTE:
    rounded = sa.cast(sa.func.round(sa.cast(score, sa.Numeric), 6), sa.Float)
    return (
        sa.select(prompts.c.id, prompts.c.name, rounded.label("score"))
        .select_from(prompts.join(candidates, candidates.c.id == prompts.c.id))
        .cte("scored")
    )
