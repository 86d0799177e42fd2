"""Cursors: what nobody gave out is refused, also where its check is right."""

import math

import pytest

from storage.values.errors import Invalid
from storage.values.pages import decode_cursor, encode_cursor

DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("position", "kinds"),
    [
        (("a",), (str,)),
        ((0,), (int,)),
        ((2**31 - 1,), (int,)),
        ((0.5, "a"), (float, str)),
        ((2.0, "a-b"), (float, str)),
    ],
)
def test_a_cursor_leads_back_to_its_position(position, kinds):
    assert decode_cursor("list", encode_cursor("list", position), *kinds) == position


@pytest.mark.parametrize(
    ("position", "kinds"),
    [
        ((3,), (str,)),
        (("a",), (int,)),
        ((True,), (int,)),
        ((2**31,), (int,)),
        ((-1,), (int,)),
        ((10**30,), (int,)),
        ((math.nan, "a"), (float, str)),
        ((math.inf, "a"), (float, str)),
        ((1, "a"), (float, str)),
        (("a", "b"), (str,)),
        ((), (str,)),
        (("a\0b",), (str,)),
        (([],), (str,)),
        ("ab", (str, str)),
        ({"a": 1}, (str,)),
    ],
)
def test_a_forged_position_is_refused(position, kinds):
    with pytest.raises(Invalid, match="Leave the cursor out"):
        decode_cursor("list", encode_cursor("list", position), *kinds)


def test_a_position_that_is_nested_too_deep_is_refused(monkeypatch):
    monkeypatch.setattr("storage.values.pages.json.dumps", lambda *_, **__: DEEP)
    with pytest.raises(Invalid, match="Leave the cursor out"):
        decode_cursor("list", encode_cursor("list", ()), str)
