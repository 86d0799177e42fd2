"""Search: what can be searched for."""

import pytest

from storage.entities import PromptFilter
from storage.errors import Invalid


async def test_so_many_characters_can_be_searched_for(library):
    words = "word " * 200
    assert (await library.search.find(words, PromptFilter(), limit=9)).items == ()
    with pytest.raises(Invalid, match=r"has 1,001 characters; at most 1,000 are allowed"):
        await library.search.find(f"{words}s", PromptFilter(), limit=9)
