import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.domain.formats.markdown_code import Code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a `b` c", "`b`"),
        ("a ``b ` c`` d", "``b ` c``"),
        ("a `b\nc` d", "`b\nc`"),
        ("a `b\n\nc` d", ""),
        ("a ` b", ""),
        ("```\na\n```\nb", "```\na\n```\n"),
        ("````\na\n```\n````\nb", "````\na\n```\n````\n"),
        ("~~~ sh\na\n```\nb", "~~~ sh\na\n```\nb"),
        ("```\na\n``` b\n", "```\na\n``` b\n"),
        ("- x\n  ```sh\n  a\n  ```\nb", "  ```sh\n  a\n  ```\n"),
        ("```a``` b", "```a```"),
        ("a\n\n    b\n    c\nd", "    b\n    c\n"),
        ("a\n\n\tb\r\n\r\n\tc\r\nd", "\tb\r\n\tc\r\n"),
        ("a\n    b", ""),
        ("    a\nb", "    a\n"),
        ("a `b\n```\nc` d\n```\n", "```\nc` d\n```\n"),
        ("a\n```\nb\n```\n    c\nd", "```\nb\n```\n    c\n"),
        ("", ""),
    ],
)
def test_code_in_markdown_is_found(text: str, code: str) -> None:
    found = Code(text)
    assert "".join(each for place, each in enumerate(text) if place in found) == code


@given(st.text(alphabet="`~ \t\n\rab", max_size=60))
def test_a_backslash_before_a_word_moves_no_code(text: str) -> None:
    """What is written with a backslash has to be read in the same place."""
    marked = text.replace("a", "$a")
    escaped = text.replace("a", "\\$a")
    before, after = Code(marked), Code(escaped)
    places = [place for place, each in enumerate(marked) if each == "$"]
    moved = [place for place, each in enumerate(escaped) if each == "$"]
    assert [place in before for place in places] == [place in after for place in moved]
