import pytest

from mcp_server.domain.formats.keys import Keys, number_in
from storage.values.errors import Invalid


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, 1), ("1", 1), ("007", 7), (999_999_999, 999_999_999), ("999999999", 999_999_999)],
)
def test_a_number_of_a_version_may_be_text(value, number):
    assert number_in(value, "version") == number


@pytest.mark.parametrize(
    "value", [0, -1, 1_000_000_000, 1.0, True, None, "0", "", "-1", "1e3", "²", "1" * 5_000,
    "0" * 9_000 + "1"],
    ids=range(13),
)  # fmt: skip
def test_what_is_no_number_of_a_version_is_refused(value):
    with pytest.raises(Invalid, match="has to be a whole number from 1 to 999,999,999"):
        number_in(value, "version")


def test_keys_that_nobody_read_are_told_with_their_places():
    keys = Keys({"a": 1, "b": {"c": 2, "d": None}, "e": ""})
    inside = keys.within(keys.any("b"), "b")
    assert keys.unread() == ["a", "b.c"]
    inside.any("c")
    assert keys.unread() == ["a"]
