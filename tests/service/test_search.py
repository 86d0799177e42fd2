"""Search: what can be searched for."""

import pytest

from mcp_server.service.inputs import PromptInput
from storage.values.entities import PromptFilter
from storage.values.errors import Invalid


async def test_so_many_characters_can_be_searched_for(library):
    words = "word " * 200
    assert (await library.search.find(words, PromptFilter(), limit=9)).items == ()
    with pytest.raises(Invalid, match=r"has 1,001 characters; at most 1,000 are allowed"):
        await library.search.find(f"{words}s", PromptFilter(), limit=9)


async def test_without_words_a_hit_tells_its_description(library):
    given = PromptInput(template="word", description="What it is for")
    await library.prompts.create("described", given)
    await library.prompts.create("plain", PromptInput(template="word"))
    found = await library.search.find(" ", PromptFilter(), limit=9)
    assert [(hit.prompt.name, hit.snippet) for hit in found.items] == [
        ("described", "What it is for"),
        ("plain", ""),
    ]


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        (PromptFilter(), ["a", "b", "c"]),
        (PromptFilter(tags=("x",)), ["a", "b"]),
        (PromptFilter(tags=("x", "y")), ["b"]),
        (PromptFilter(folder="one"), ["a", "b"]),
    ],
)
async def test_filters_choose_by_tags_and_folders(library, chosen, found):
    for name, folder, tags in (
        ("a", "one", ["x"]),
        ("b", "one/two", ["x", "y"]),
        ("c", "three", ["z"]),
    ):
        given = PromptInput(template="word", folder=folder, tags=tags)
        await library.prompts.create(name, given)
    for words in ("", "word"):
        page = await library.search.find(words, chosen, limit=9)
        assert sorted(hit.prompt.name for hit in page.items) == found
