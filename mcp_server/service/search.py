"""Search: by words, by spelling, by filters."""

from dataclasses import replace

from mcp_server.domain.snippets import snippet
from mcp_server.domain.texts import check_text
from mcp_server.service.composing import Composer
from mcp_server.service.sight import Sight
from storage.values.entities import PromptFilter, SearchHit
from storage.values.pages import Page

_MAX_WORDS = 1_000


class Search:
    """Finds prompts by words and filters."""

    def __init__(self, sight: Sight, composer: Composer) -> None:
        self._sight = sight
        self._composer = composer

    async def find(
        self, words: str, chosen: PromptFilter, *, limit: int, cursor: str | None = None
    ) -> Page[SearchHit]:
        """Return the prompts that match, best first, each with a snippet around the match.

        Without words, the filters alone decide and the order is by name.

        Raises:
            Invalid: the cursor isn't from this search, or the words can't be searched for.
        """
        check_text(words, "query", limit=_MAX_WORDS)
        if not words.strip():
            page = await self._sight.summaries(chosen, limit=limit, cursor=cursor)
            page = replace(page, items=await self._composer.complete(page.items))
            return page.map(lambda prompt: SearchHit(prompt, 0.0, prompt.description or ""))
        matches = await self._sight.search(words, chosen, limit=limit, cursor=cursor)
        prompts = await self._composer.complete([match.prompt for match in matches.items])
        pairs = zip(matches.items, prompts, strict=True)
        hits = (
            SearchHit(prompt, match.score, snippet(match.text, words)) for match, prompt in pairs
        )
        return Page(tuple(hits), matches.next_cursor)
