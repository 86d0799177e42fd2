"""Finding prompts by words, by spelling and by filters, in one ranked query.

What is looked for, and where, is decided by `promptstack_search` in the database: how it goes on
depends on what it finds.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.filters import facets, includers
from storage.prompts import SERVED, SUMMARY
from storage.rows import summary_from_row
from storage.tables import prompt_versions, prompts
from storage.values.entities import Found, PromptFilter
from storage.values.pages import Page, cut_page, decode_cursor

_SNIPPET_SOURCE = 8_000
"""How much of a text is looked through for the words to show."""


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
        any of them, or whose name or title is spelt alike. Of what matches very many prompts, a few
        hundred are returned: the best by name, title and tags, and the newest by text.

        Raises:
            Invalid: the cursor isn't one of this search.
        """
        listing = f"search {words!r} {chosen}"
        values: dict[str, object] = {
            "words": words,
            "facets": facets(chosen),
            "archived": chosen.archived,
            "label": chosen.label,
            "version": chosen.version,
            "min_version": chosen.min_version,
            "limit": limit + 1,
        }
        query = _QUERIES[cursor is not None, chosen.includes is not None]
        if chosen.includes is not None:
            values["includes"] = chosen.includes
        if cursor is not None:
            values["score"], values["name"] = decode_cursor(listing, cursor, float, str)
        found = await self._connection.execute(query, values)
        rows = [Found(summary_from_row(row), row["score"], row["text"]) for row in found.mappings()]
        return cut_page(rows, limit, listing, lambda hit: (hit.score, hit.prompt.name))


def _query(*, after: bool, includes: bool) -> sa.Select[tuple[object, ...]]:
    """Select a page; only what is shown on it is read from other tables."""
    best = _best(after=after, includes=includes).cte("best")
    text = sa.func.promptstack_text(prompt_versions.c.messages)
    beginning = sa.func.left(sa.func.coalesce(text, ""), _SNIPPET_SOURCE).label("text")
    return (
        sa.select(*SUMMARY, best.c.score, beginning)
        .select_from(SERVED.join(best, best.c.id == prompts.c.id))
        .order_by(best.c.score.desc(), best.c.name)
    )


def _best(*, after: bool, includes: bool) -> sa.Select[tuple[object, ...]]:
    found = sa.func.promptstack_search(_given("words", sa.Text), _FILTER)
    each = found.table_valued("id", "name", "score").alias("found")
    score = sa.cast(sa.func.round(sa.cast(each.c.score, sa.Numeric), 6), sa.Float).label("score")
    best = sa.select(each.c.id, each.c.name, score).order_by(score.desc(), each.c.name)
    if after:
        last, last_name = _given("score", sa.Float), _given("name", sa.Text)
        best = best.where(sa.or_(score < last, sa.and_(score == last, each.c.name > last_name)))
    if includes:
        best = best.where(each.c.id.in_(includers(_given("includes", sa.Text))))
    return best.limit(_given("limit", sa.Integer))


def _given(name: str, kind: type[sa.types.TypeEngine[Any]]) -> sa.BindParameter[Any]:
    return sa.bindparam(name, type_=kind())


_FILTER = sa.func.row(
    sa.cast(_given("facets", sa.Text), TSQUERY),
    _given("archived", sa.Boolean),
    _given("label", sa.Text),
    _given("version", sa.Integer),
    _given("min_version", sa.Integer),
)
"""A `promptstack_filter`."""
# Built once: composing them takes longer than many a search.
_QUERIES = {
    (after, includes): _query(after=after, includes=includes)
    for after in (False, True)
    for includes in (False, True)
}
