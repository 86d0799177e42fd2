"""Strict JSON: what other programs would read otherwise isn't taken."""

from collections.abc import Callable
from typing import Any, NoReturn


class NotStrict(ValueError):
    """JSON that can't be accepted: with a key twice in one object, or a number that isn't one."""

    def __init__(self, *, key: str | None = None, constant: str = "") -> None:
        super().__init__(key or constant)
        self._key = key
        self._constant = constant

    def reason(self, quoted: Callable[[str], str]) -> str:
        """Say what is wrong, with the key as `quoted` writes it."""
        if self._key is None:
            return f"JSON has no {self._constant}"
        return f"the key {quoted(self._key)} stands twice in one object"


def no_constant(name: str) -> NoReturn:
    """Refuse NaN and the infinities; to be given as `parse_constant`."""
    raise NotStrict(constant=name)


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its pairs; to be given as `object_pairs_hook`.

    Of two with one key nobody could say which is meant.
    """
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        raise NotStrict(key=next(key for key in made if keys.count(key) > 1))
    return made
