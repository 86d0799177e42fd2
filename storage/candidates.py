"""Which prompts a search weighs: the best matches in names, titles and tags, the newest in texts.

A common word stands in tens of thousands of texts. Reading all of their vectors to find the best
twenty takes longer than anybody waits, so the newest prompts are looked through first, a window at
a time, until there are enough. Decision 5 tells what that costs.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY
from sqlalchemy.sql.elements import ColumnElement

from storage.entities import PromptFilter
from storage.filters import facets, narrow_conditions
from storage.tables import prompts

ENOUGH = 200
"""How many prompts of each kind are weighed; where fewer match, all of them are."""

_HEADING_WINDOWS = (12, 14, 16, None)
_TEXT_WINDOWS = (10, 12, 14, 16, None)
"""The sizes of the buckets that are looked through, as powers of two; None is the whole library."""

_RARE = 3
"""A word that fewer of the newest thousand prompts have is looked for in every text."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for: a tsquery with words, and what narrows it."""

    name: str
    words: ColumnElement[object]
    chosen: PromptFilter

    def within(self, size: int | None) -> sa.ScalarSelect[object]:
        """Select the query for matches in one window; NULL, so no match, without words."""
        narrowed = self.words.op("&&")(sa.cast(facets(self.chosen), TSQUERY))
        if size is not None:
            narrowed = narrowed.op("&&")(sa.func.promptstack_newest(size))
        return sa.select(narrowed).scalar_subquery()


def headed(asked: Asked) -> sa.Subquery:
    """Select the ids of those that match by name, title and tags alone, best first."""
    rank = sa.func.ts_rank_cd(prompts.c.heading, asked.words)
    stages = _stages(asked, prompts.c.heading, _HEADING_WINDOWS, rank)
    return _first(stages, "rank").subquery(f"{asked.name}_headed")


def newest(asked: Asked) -> sa.Subquery:
    """Select the ids of the newest that match anywhere."""
    stages = _stages(asked, prompts.c.search, _TEXT_WINDOWS, sa.literal(0))
    return _first(stages, "number").subquery(f"{asked.name}_newest")


def words_of(query: ColumnElement[object]) -> sa.Select[tuple[object]]:
    """Select a query's words each on its own; none where it excludes some."""
    written = sa.cast(query, sa.Text)
    pieces = sa.cast(sa.func.string_to_array(written, " & "), ARRAY(TSQUERY))
    word = sa.func.unnest(pieces).column_valued("word")
    return sa.select(word.label("word")).where(~written.contains("!"))


def rare_among(words: sa.CTE) -> sa.ScalarSelect[object]:
    """Select those words that hardly any of the newest prompts has, any of them to match."""
    sample = words.c.word.op("&&")(sa.func.promptstack_newest(10))
    some = (
        sa.select(prompts.c.id)
        .where(prompts.c.search.op("@@")(sample))
        .limit(_RARE)
        .correlate(words)
    )
    is_rare = sa.select(sa.func.count()).select_from(some.subquery()).scalar_subquery() < _RARE
    return any_of(sa.select(words.c.word).where(is_rare).subquery())


def any_of(words: sa.FromClause) -> sa.ScalarSelect[object]:
    """Select one query out of many: any of them has to match."""
    written = sa.func.string_agg(sa.cast(words.c.word, sa.Text), " | ")
    return sa.select(sa.cast(written, TSQUERY)).scalar_subquery()


def _stages(
    asked: Asked,
    column: sa.Column[object],
    windows: tuple[int | None, ...],
    rank: ColumnElement[object],
) -> list[sa.CTE]:
    """Look through a window only where each smaller one holds too few, and something is left."""
    stages: list[sa.CTE] = []
    for size in windows:
        stage = sa.select(prompts.c.id, prompts.c.number, rank.label("rank")).where(
            column.op("@@")(asked.within(size)), *narrow_conditions(asked.chosen)
        )
        if stages:
            stage = stage.where(
                *(_count(smaller) < ENOUGH for smaller in stages), _reaches_further(windows, size)
            )
        stages.append(stage.cte(f"{asked.name}_{column.name}_{size or 'all'}"))
    return stages


def _reaches_further(windows: tuple[int | None, ...], size: int | None) -> ColumnElement[bool]:
    """Tell whether there are prompts that are in this window and not in the one before."""
    smaller = windows[windows.index(size) - 1] or 0
    newest_number = sa.select(sa.func.max(prompts.c.number)).scalar_subquery()
    return newest_number >= 2 ** (smaller + 1)


def _count(stage: sa.CTE) -> ColumnElement[int]:
    return sa.select(sa.func.count()).select_from(stage).scalar_subquery()


def _first(stages: list[sa.CTE], by: str) -> sa.Select[tuple[object]]:
    found = sa.union(*map(sa.select, stages)).subquery()
    return sa.select(found.c.id).order_by(found.c[by].desc(), found.c.number.desc()).limit(ENOUGH)
