from collections import Counter
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.domain.weights import check_weights, choose, heaviest
from storage.values.errors import Invalid

PROMPT = UUID(int=7)


def test_readers_are_spread_by_weight():
    weights = {3: 90, 4: 10}
    chosen = Counter(choose(weights, PROMPT, "production", f"user-{n}") for n in range(5_000))
    assert 4_350 < chosen[3] < 4_650


@pytest.mark.parametrize(
    ("weights", "served"),
    [({1: 1, 2: 1}, {1, 2}), ({1: 1, 2: 1, 3: 1}, {1, 2, 3}), ({1: 0, 2: 1, 3: 1}, {2, 3})],
)
def test_the_smallest_shares_are_served_and_no_share_never(weights, served):
    assert {choose(weights, PROMPT, "trial", f"user-{n}") for n in range(100)} == served


def test_a_reader_isnt_in_the_small_share_of_every_trial():
    weights = {1: 50, 2: 50}
    keys = [f"user-{n}" for n in range(200)]
    one = [choose(weights, PROMPT, "production", key) for key in keys]
    other = [choose(weights, UUID(int=8), "production", key) for key in keys]
    assert one != other


@given(st.dictionaries(st.integers(1, 50), st.integers(1, 9), min_size=2, max_size=5), st.text())
def test_a_reader_always_gets_the_same_one_of_those_that_share(weights, key):
    chosen = choose(weights, PROMPT, "production", key)
    assert chosen in weights
    reordered = dict(reversed(weights.items()))
    assert choose(reordered, PROMPT, "production", key) == chosen


def test_a_share_that_grows_takes_nobody_else_from_it():
    before, after = {3: 90, 4: 10}, {3: 80, 4: 20}
    keys = [f"user-{n}" for n in range(500)]
    had = [key for key in keys if choose(before, PROMPT, "production", key) == 4]
    assert had
    assert all(choose(after, PROMPT, "production", key) == 4 for key in had)


def test_the_largest_share_stands_for_all_and_the_newer_of_two():
    assert heaviest({3: 90, 4: 10}) == 3
    assert heaviest({3: 50, 4: 50}) == 4


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({}, "at least two"),
        ({1: 5}, "at least two"),
        ({1: 5, 2: 0}, "at least two"),
        ({1: 5, 2: -1}, "from 0 to"),
        ({1: 5, 2: 1_000_001}, "from 0 to"),
        ({n: 1 for n in range(1, 22)}, "at most 20"),
    ],
)
def test_weights_that_share_nothing_out_are_refused(weights, words):
    with pytest.raises(Invalid, match=words):
        check_weights(weights)


def test_weights_at_the_limits_are_kept():
    for weights in ({1: 1, 2: 1_000_000}, dict.fromkeys(range(1, 21), 1)):
        assert check_weights(weights) == weights
