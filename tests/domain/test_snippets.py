import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.domain.snippets import fold, snippet

WORDS = st.lists(st.sampled_from(["Crème", "brûlée", "代码审查", "ﬁne", "İzmir", "a", " ", "\n"]))


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Crème BRÛLÉE", "creme brulee"),
        ("Straße", "strasse"),
        ("İzmir", "izmir"),
        ("ﬁne", "fine"),
        ("e\u0301", "e"),
        ("ΣΑΣ", "σασ"),
        ("１２", "12"),
    ],
)
def test_folding_takes_away_case_and_accents(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(), st.text())
def test_folding_goes_character_by_character(one: str, other: str) -> None:
    assert fold(one + other) == fold(one) + fold(other)


@pytest.mark.parametrize(
    ("text", "query", "expected"),
    [
        ("A crème brûlée, please", "creme", "A **crème** brûlée, please"),
        ("A creme\u0301 x", "CRÈMÉ", "A **creme\u0301** x"),
        ("Die Straße ist lang", "strasse", "Die **Straße** ist lang"),
        ("请帮我做代码审查工作", "代码审查", "请帮我做**代码审查**工作"),
        ("one\n\n two\tthree", "two", "one **two** three"),
        ("review the reviewer's preview", "review", "**review** the **review**er's preview"),
        ("a preview only", "view", "a pre**view** only"),
        ("code review", "code review", "**code review**"),
        ("review of code", "code review", "**review** of **code**"),
        ("nothing here", "zebra", "nothing here"),
        ("nothing here", "", "nothing here"),
        ("C++ (fast)", "c++", "**C++** (fast)"),
        ("", "x", ""),
    ],
)
def test_matches_are_marked(text: str, query: str, expected: str) -> None:
    assert snippet(text, query) == expected


def test_the_window_lies_around_the_match() -> None:
    text = "word " * 200 + "the needle is here " + "more " * 200
    shown = snippet(text, "needle", width=60)
    assert "the **needle** is here" in shown
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert len(shown) <= 60 + len("……****")
    assert not shown[1:].startswith(" ")


def test_the_window_with_most_different_terms_wins() -> None:
    text = "alpha alpha alpha " + "x " * 200 + "alpha and beta " + "y " * 200
    assert "**alpha** and **beta**" in snippet(text, "alpha beta", width=50)


def test_a_text_without_spaces_is_cut_around_the_match() -> None:
    shown = snippet("文" * 500 + "代码审查" + "字" * 500, "代码审查", width=40)
    assert "**代码审查**" in shown
    assert len(shown) == 40 + len("……****")


def test_without_a_match_the_beginning_is_shown() -> None:
    assert snippet("one two three four five", "zebra", width=12) == "one two…"


def bare(shown: str) -> str:
    return shown.strip("…").replace("**", "")


QUERIES = st.sampled_from(["creme", "代码", "f", "i z", "a", "zz"])


@given(WORDS.map("".join), QUERIES, st.integers(8, 40))
def test_a_snippet_is_a_piece_of_the_text(text: str, query: str, width: int) -> None:
    plain = " ".join(text.split())
    shown = snippet(text, query, width=width)
    assert bare(shown) in plain
    assert len(bare(shown)) <= width
    assert shown.startswith("…") or plain.startswith(bare(shown))
    assert shown.endswith("…") or plain.endswith(bare(shown))
    if any(fold(term) in fold(plain) for term in query.split()):
        assert "**" in shown


@pytest.mark.parametrize("text", ["é a " * 250_000, "a" * 1_000_000, "aé" * 500_000], ids=range(3))
@pytest.mark.timed
def test_a_large_text_takes_little_time(text: str) -> None:
    start = time.process_time()
    assert "**" in snippet(text, "a e")
    assert time.process_time() - start < 2
