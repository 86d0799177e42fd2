"""Finding prompts by words, by spelling and by filters, in one ranked query."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.entities import PromptFilter, PromptSummary
from storage.filters import conditions
from storage.pages import Page, cut_page, decode_cursor
from storage.prompts import SERVED, SUMMARY
from storage.rows import summary_from_row
from storage.tables import prompt_versions, prompts

_SNIPPET_SOURCE = 8_000
"""How much of a text is looked through for the words to show."""


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
        match any of them, or whose name or title is spelt alike.

        Raises:
            Invalid: the cursor isn't one of this search.
        """
        listing = f"search {words!r} {chosen}"
        scored = _scored(words, chosen).cte("scored")
        query = (
            sa.select(*SUMMARY, scored.c.score, _beginning())
            .select_from(SERVED.join(scored, scored.c.id == prompts.c.id))
            .order_by(scored.c.score.desc(), prompts.c.name)
            .limit(limit + 1)
        )
        if cursor is not None:
            score, name = decode_cursor(listing, cursor, float, str)
            worse = scored.c.score < score
            query = query.where(
                sa.or_(worse, sa.and_(scored.c.score == score, prompts.c.name > name))
            )
        found = await self._connection.execute(query)
        rows = [Found(summary_from_row(row), row["score"], row["text"]) for row in found.mappings()]
        return cut_page(rows, limit, listing, lambda hit: (hit.score, hit.prompt.name))


def _beginning() -> sa.Label[str]:
    text = sa.func.promptstack_text(prompt_versions.c.messages)
    return sa.func.left(sa.func.coalesce(text, ""), _SNIPPET_SOURCE).label("text")


def _scored(words: str, chosen: PromptFilter) -> sa.Select[tuple[object, float]]:
    """Score whatever matches: by its words, by its name's spelling, and an exact name on top."""
    query = sa.select(sa.func.promptstack_query(words).label("all_words")).cte("query")
    matched = _matching_all(chosen, query).cte("matched")
    nothing = ~sa.exists(sa.select(matched.c.id))
    candidates = sa.union(
        sa.select(matched.c.id),
        _matching_any(chosen, query).where(nothing),
        _misspelt(words, chosen).where(nothing),
    ).cte("candidates")
    folded = sa.func.promptstack_fold(words)
    score = (
        sa.func.ts_rank(prompts.c.search, _any_of(query))
        + sa.func.word_similarity(folded, prompts.c.spelling)
        + sa.cast(prompts.c.name == folded, sa.Integer)
    )
    return sa.select(
        prompts.c.id, sa.cast(sa.func.round(sa.cast(score, sa.Numeric), 6), sa.Float).label("score")
    ).select_from(prompts.join(candidates, candidates.c.id == prompts.c.id).join(query, sa.true()))


def _matching_all(chosen: PromptFilter, query: sa.CTE) -> sa.Select[tuple[object]]:
    all_words = sa.select(query.c.all_words).scalar_subquery()
    return sa.select(prompts.c.id).where(prompts.c.search.op("@@")(all_words), *conditions(chosen))


def _matching_any(chosen: PromptFilter, query: sa.CTE) -> sa.Select[tuple[object]]:
    any_words = sa.select(_any_of(query)).scalar_subquery()
    return sa.select(prompts.c.id).where(prompts.c.search.op("@@")(any_words), *conditions(chosen))


def _misspelt(words: str, chosen: PromptFilter) -> sa.Select[tuple[object]]:
    alike = sa.select(sa.func.promptstack_misspelt(words))
    return sa.select(prompts.c.id).where(prompts.c.id.in_(alike), *conditions(chosen))


def _any_of(query: sa.CTE) -> sa.Cast[object]:
    """Loosen a query to any of its words, unless it excludes some."""
    written = sa.cast(query.c.all_words, sa.Text)
    loosened = sa.case(
        (written.contains("!"), written), else_=sa.func.replace(written, " & ", " | ")
    )
    return sa.cast(loosened, TSQUERY)
