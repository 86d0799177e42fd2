"""Sizes: the weight of values, and its limits."""

from collections.abc import Sequence

from liquid.exceptions import ResourceLimitError

MAX_VALUE = 500_000
"""Characters of a filter's input or output, or of a variable."""
MAX_ITEMS = 20_000
"""Items of a list or range, nested ones included."""
MAX_BITS = 1_024
"""Bits of a whole number."""


def check_value(value: object) -> int:
    """Return the weight of a value.

    Raises:
        ResourceLimitError: it is too large.
    """
    return weigh(value)


def weigh(value: object) -> int:
    """Return the approximate number of characters of a value, its contents included.

    Raises:
        ResourceLimitError: it has too many characters or items.
    """
    if isinstance(value, str):
        return _checked(len(value))
    if isinstance(value, bool | float | None):
        return 8
    if isinstance(value, int):
        return _weigh_number(value)
    return _weigh_items(value)


def _weigh_number(value: int) -> int:
    if value.bit_length() > MAX_BITS:
        raise ResourceLimitError(
            f"a number has more than {MAX_BITS} bits. Calculate with smaller ones", token=None
        )
    return 8


def _weigh_items(value: object) -> int:
    """Weigh a list or an object with its contents, without recursion."""
    total, items = 8, 0
    waiting: list[object] = [value]
    while waiting:
        each = waiting.pop()
        items += 1
        if isinstance(each, str):
            total += len(each)
        elif isinstance(each, int) and not isinstance(each, bool):
            total += _weigh_number(each)
        elif isinstance(each, range):
            items += check_range(each)
        elif isinstance(each, dict):
            check_items(items + len(each) + len(waiting))
            waiting += [*each.keys(), *each.values()]
        elif isinstance(each, Sequence):
            check_items(items + len(each) + len(waiting))
            waiting += each
        total += 8
        check_items(items)
    return _checked(total)


def check_range(value: range) -> int:
    """Return the length of a range.

    Raises:
        ResourceLimitError: it is too long.
    """
    return check_items(max(0, value.stop - value.start))


def check_items(count: int) -> int:
    """Return a number of items if it isn't too large.

    Raises:
        ResourceLimitError: there are too many.
    """
    if count > MAX_ITEMS:
        raise ResourceLimitError(
            f"a list or range has more than {MAX_ITEMS:,} items. Use a shorter one", token=None
        )
    return count


def check_text_size(count: int) -> None:
    """Refuse a text of too many characters.

    Raises:
        ResourceLimitError: `count` is too large.
    """
    _checked(count)


def _checked(characters: int) -> int:
    if characters > MAX_VALUE:
        raise ResourceLimitError(
            f"a value has more than {MAX_VALUE:,} characters. Use shorter ones, or leave filters "
            "away that it is given to",
            token=None,
        )
    return characters
