import pytest

from mcp_server.domain.texts import check_line, check_text, located, shown
from storage.values.errors import Invalid


@pytest.mark.parametrize(
    ("text", "said"),
    [("ab\0", "NUL (U+0000) at position 2"), ("a\udc80", "lone surrogate (U+DC80) at position 1")],
)
def test_what_the_database_can_not_hold_is_refused(text: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_text(text, "description")
    assert said in refused.value.message
    assert refused.value.message.endswith("Remove that character.")
    assert set(refused.value.fields) == {"description"}


def test_a_text_is_returned_as_it_is() -> None:
    assert check_text(" 😀\x01\n", "text", limit=4) == " 😀\x01\n"


def test_a_text_over_its_limit_is_refused() -> None:
    with pytest.raises(Invalid, match="'title' has 1,001 characters; at most 1,000 are allowed"):
        check_text("x" * 1_001, "title", limit=1_000)


def test_a_line_has_no_control_characters() -> None:
    assert check_line(" a ", "title", limit=9) == "a"
    with pytest.raises(Invalid, match=r"control character \(U\+000A\)"):
        check_line("a\nb", "title", limit=9)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a" * 40, "a" * 40),
        ("a" * 41, "a" * 40 + "…"),
        ("a\nb\ud800", "a�b�"),
        (3, "3"),
        ([], "[]"),
        (10**5_000, "int"),
    ],
    ids=range(6),
)
def test_a_value_is_shown_short_and_printable(value: object, text: str) -> None:
    assert shown(value) == text


def test_a_located_refusal_keeps_its_fields() -> None:
    error = located(Invalid("Bad.", fields={"name": "Bad."}), "a.md")
    assert (error.message, error.fields) == ("a.md: Bad.", {"name": "Bad."})
