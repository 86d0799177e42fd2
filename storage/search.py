"""Finding prompts by words, by spelling and by filters, in one ranked query.

The database's function `promptstack_search` decides what to look for, and where: each step depends
on the results of the one before.
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
"""Characters of a text that are searched for a snippet."""


class Search:
    """The repository of searches."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(
        self, words: str, chosen: PromptFilter, *, limit: int, cursor: str | None = None
    ) -> Page[Found]:
        """Return the prompts that match, best first.

        All words have to match, anywhere in a prompt. If no prompt matches, the words are tried
        with neighbouring letters swapped; then prompts that match any of the words, or have a name
        or title that is spelt alike. A search that matches very many prompts returns a few hundred:
        the best by name, title and tags, and the newest by text.

        Raises:
            Invalid: the cursor isn't from this search.
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
        rows = (await self._connection.execute(query, values)).mappings()
        matches = [Found(summary_from_row(row), row["score"], row["text"]) for row in rows]
        return cut_page(matches, limit, listing, lambda hit: (hit.score, hit.prompt.name))


def _query(*, after: bool, includes: bool) -> sa.Select[tuple[object, ...]]:
    """Select a page; other tables are read only for the prompts on it."""
    best = _best(after=after, includes=includes).cte("best")
    text = sa.func.promptstack_text(prompt_versions.c.messages)
    beginning = sa.func.left(sa.func.coalesce(text, ""), _SNIPPET_SOURCE).label("text")
    return (
        sa.select(*SUMMARY, best.c.score, beginning)
        .select_from(SERVED.join(best, best.c.id == prompts.c.id))
        .order_by(best.c.score.desc(), best.c.name)
    )


def _best(*, after: bool, includes: bool) -> sa.Select[tuple[object, ...]]:
    found = sa.func.promptstack_search(_parameter("words", sa.Text), _FILTER)
    each = found.table_valued("id", "name", "score").alias("found")
    score = sa.cast(sa.func.round(sa.cast(each.c.score, sa.Numeric), 6), sa.Float).label("score")
    best = sa.select(each.c.id, each.c.name, score).order_by(score.desc(), each.c.name)
    if after:
        last, last_name = _parameter("score", sa.Float), _parameter("name", sa.Text)
        best = best.where(sa.or_(score < last, sa.and_(score == last, each.c.name > last_name)))
    if includes:
        best = best.where(each.c.id.in_(includers(_parameter("includes", sa.Text))))
    return best.limit(_parameter("limit", sa.Integer))


def _parameter(name: str, kind: type[sa.types.TypeEngine[Any]]) -> sa.BindParameter[Any]:
    return sa.bindparam(name, type_=kind())


_FILTER = sa.func.row(
    sa.cast(_parameter("facets", sa.Text), TSQUERY),
    _parameter("archived", sa.Boolean),
    _parameter("label", sa.Text),
    _parameter("version", sa.Integer),
    _parameter("min_version", sa.Integer),
)
"""A `promptstack_filter`."""
# Built once: composing them takes longer than many a search.
_QUERIES = {
    (after, includes): _query(after=after, includes=includes)
    for after in (False, True)
    for includes in (False, True)
}
