"""What a failure tells a program, and whom it tells what."""

import pytest

from storage.values.errors import Conflict, Forbidden, Invalid, NotFound, PromptError, Unavailable


@pytest.mark.parametrize(
    ("error", "data"),
    [
        (Invalid("x"), {}),
        (Invalid("x", fields={"name": "is taken"}), {"fields": {"name": "is taken"}}),
        (NotFound("x", nearest=["a", "b"]), {"nearest": ["a", "b"]}),
        (Conflict("x", current_version=3), {"current_version": 3}),
        (Forbidden("x"), {}),
    ],
    ids=str,
)
def test_what_a_program_can_act_on_stands_beside_the_sentence(error, data):
    assert {name: value for name, value in error.data.items() if value} == data


@pytest.mark.parametrize("kind", [PromptError, Invalid, NotFound, Conflict, Forbidden])
def test_who_gets_no_data_is_told_the_sentence(kind):
    error = kind("It isn't there.")
    assert (str(error), error.message, error.account, error.local) == ("It isn't there.",) * 4


def test_why_a_database_is_away_is_for_people_of_this_machine():
    error = Unavailable("Try again.", reason="The database at 'h' is away.")
    assert (error.message, error.account) == ("Try again.", "Try again.")
    assert error.local == "The database at 'h' is away."
