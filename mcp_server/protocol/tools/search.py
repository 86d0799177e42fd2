"""The tool that searches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server.protocol.tools import texts
from mcp_server.protocol.tools.tool import Tool
from mcp_server.schemas.search import SearchHitOut, SearchIn, SearchOut, present_hits

if TYPE_CHECKING:
    from mcp_server.service.library import Library


async def _search(library: Library, given: SearchIn) -> SearchOut:
    page = await library.search.find(
        given.query, given.to_filter(), limit=given.limit, cursor=given.cursor
    )
    return present_hits(page)


def _say(results: SearchOut) -> str:
    if not results.items:
        return (
            "Nothing matches. Try fewer or other words, or leave out a filter; without words and "
            "filters everything is listed."
        )
    return texts.join([*map(_say_hit, results.items), texts.next_page(results.next_cursor)])


def _say_hit(hit: SearchHitOut) -> str:
    place = f" in {hit.folder}" if hit.folder else ""
    tags = f" [{texts.listed(hit.tags)}]" if hit.tags else ""
    about = " ".join((hit.snippet or hit.description or "").split())
    title = f" “{hit.title}”" if hit.title else ""
    return f"- {hit.name}{title} (version {hit.version}{place}){tags}: {about}".rstrip(": ")


SEARCH_PROMPTS = Tool(
    name="search_prompts",
    title="Search prompts",
    description="""\
Find prompts in the library by words, filters, or both. Start here when the user means a prompt \
but not its exact name, or asks what there is.

Words are looked for in names, titles, tags, descriptions and texts; misspellings are forgiven \
and the best match comes first. Filters narrow the result and all of them have to hold: every tag \
in `tags`, the `folder` with everything below it, `model_type`, `label`, `min_version`. Without \
words the prompts are listed by name, so no arguments at all list the library. What is searched, \
shown and filtered is the version that the bare name means: the one that the label production \
points at, else the newest of main. Archived prompts are left out; `archived: true` searches \
them instead.

Each result has the name, what it is for, its arguments, and the passage that matched. Go on with \
get_prompt to read a prompt, or with render_prompt to use it. Where there are more results than \
`limit`, `next_cursor` leads to the next page: call again with the same words and filters and \
that cursor.""",
    input=SearchIn,
    output=SearchOut,
    run=_search,
    say=_say,
    writes=False,
    destructive=False,
    idempotent=True,
)
