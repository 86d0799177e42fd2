"""Strict JSON: input that other parsers may read differently is refused."""

from collections.abc import Callable
from typing import Any, NoReturn


class NotStrict(ValueError):
    """JSON that isn't accepted: a repeated key in one object, NaN or an infinity."""

    def __init__(self, *, key: str | None = None, constant: str = "") -> None:
        super().__init__(key or constant)
        self._key = key
        self._constant = constant

    def reason(self, quoted: Callable[[str], str]) -> str:
        """Return the reason for the refusal, with the key as `quoted` writes it."""
        if self._key is None:
            return f"JSON has no {self._constant}"
        return f"the key {quoted(self._key)} stands twice in one object"


def no_constant(name: str) -> NoReturn:
    """Refuse NaN and the infinities; for use as `parse_constant`."""
    raise NotStrict(constant=name)


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object from its pairs; for use as `object_pairs_hook`.

    Repeated keys are refused, since it is unclear which one is meant.
    """
    result = dict(pairs)
    if len(result) < len(pairs):
        keys = [key for key, _ in pairs]
        raise NotStrict(key=next(key for key in result if keys.count(key) > 1))
    return result
