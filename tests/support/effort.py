"""How much the tests that try things at random try: TEST_EFFORT=10 is ten times as much."""

import os


def examples(usually: int) -> int:
    """Return how many examples to try, where a run of the whole suite affords so many."""
    return max(1, round(usually * float(os.environ.get("TEST_EFFORT", "1"))))
