import pytest

from storage.values.entities import PromptFilter
from tests.support.library import add_prompt, move_label

LIBRARY = [
    ("greeting", "Greeting", "Say hello to {{who}} in a résumé"),
    ("code-review", "Code review", "Look at the changes, then summarize every defect"),
    ("fanyi", "翻译", "请把下面的文字翻译成英文。"),
    ("patents", "Патентный поиск", "Помогите найти ПАТЕНТ про ёлку"),
    ("ceviri", "İstanbul Çeviri", "Görsel oluşturma için"),
    ("tokyo", "東京ガイド", "東京の観光ガイドを書いてください"),
    ("saudi", "السعوديه", "اكتب نصًّا عن المملكة"),
    ("thai", "แปลภาษา", "แปลข้อความนี้เป็นภาษาอังกฤษ"),
]


@pytest.fixture
async def library(database):
    for name, title, text in LIBRARY:
        await add_prompt(database, name, text, title=title)
    return database


async def _found(database, words: str, **chosen) -> list[str]:
    async with database.reading() as tx:
        page = await tx.search.find(words, PromptFilter(**chosen), limit=10)
    return [hit.prompt.name for hit in page.items]


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("hello", "greeting"),
        ("greting", "greeting"),
        ("reveiw", "code-review"),
        ("RESUME", "greeting"),
        ("résumé", "greeting"),
        ("summarizing defects", "code-review"),
        ('"look at the changes"', "code-review"),
        ("翻译", "fanyi"),
        ("文字翻译", "fanyi"),
        ("патент", "patents"),
        ("елку", "patents"),
        ("istanbul", "ceviri"),
        ("gorsel OLUSTURMA", "ceviri"),
        ("観光", "tokyo"),
        ("ガイド", "tokyo"),
        ("السعودية", "saudi"),
        ("المملكة", "saudi"),
        ("ข้อความ", "thai"),
        ("the", "code-review"),
        ("code-review", "code-review"),
        ("Greeting - résumé", "greeting"),
        ("please help me review the code of zebras", "code-review"),
    ],
)
async def test_words_find_the_prompt_in_any_language(library, words, first):
    assert (await _found(library, words))[:1] == [first]


async def test_characters_far_apart_are_no_match_for_a_word_of_them(library):
    assert await _found(library, "英下") == []


async def test_excluded_words_stay_excluded(library):
    assert "greeting" not in await _found(library, "hello -résumé")


@pytest.mark.parametrize("words", ["", "   ", "'", '"', "&|!():*<->", "\\", "%", "-", "\u200b"])
async def test_odd_queries_find_nothing_and_break_nothing(library, words):
    assert await _found(library, words) == []


async def test_filters_narrow_a_search(database):
    await add_prompt(database, "mail-a", "write a letter", tags=["a"], folder="x/y")
    await add_prompt(database, "mail-b", "write a letter", tags=["b"], model_type="gpt-4")
    assert await _found(database, "letter", tags=("a",)) == ["mail-a"]
    assert await _found(database, "letter", folder="x") == ["mail-a"]
    assert await _found(database, "letter", model_type="gpt-4") == ["mail-b"]
    assert await _found(database, "letter", any_tags=("b", "c")) == ["mail-b"]


async def test_the_name_counts_more_than_the_text(database):
    await add_prompt(database, "other", "a text about kubernetes, kubernetes and kubernetes")
    await add_prompt(database, "kubernetes", "a text")
    assert await _found(database, "kubernetes") == ["kubernetes", "other"]


async def test_what_is_served_is_what_is_found(database):
    prompt_id = await add_prompt(database, "moving", "zebra")
    async with database.transaction() as tx:
        await move_label(tx.labels, prompt_id, "production", 1)
        from tests.support.library import add_version

        await add_version(tx.versions, prompt_id, "giraffe")
    assert (await _found(database, "zebra"), await _found(database, "giraffe")) == (["moving"], [])
    async with database.transaction() as tx:
        await move_label(tx.labels, prompt_id, "production", 2, before=1)
    assert (await _found(database, "zebra"), await _found(database, "giraffe")) == ([], ["moving"])


async def test_pages_of_a_search_join_up(database):
    names = {f"letter-{number}" for number in range(7)}
    for name in names:
        await add_prompt(database, name, "the same text")
    seen: list[str] = []
    cursor = None
    async with database.reading() as tx:
        while True:
            page = await tx.search.find("letter", PromptFilter(), limit=3, cursor=cursor)
            seen += [hit.prompt.name for hit in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
    assert len(seen) == 7
    assert set(seen) == names


async def test_a_huge_text_can_be_kept_and_found(database):
    text = "unicorn " + " ".join(f"word{number}" for number in range(60_000))
    await add_prompt(database, "huge", text)
    assert await _found(database, "unicorn") == ["huge"]
