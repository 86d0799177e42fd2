"""Keys: the values of a mapping from a file, each checked to be of the expected kind."""

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from mcp_server.domain.names import did_you_mean, nearest
from mcp_server.domain.reading import expect, has_value, read
from mcp_server.domain.texts import refused, shown
from storage.values.entities import MAX_VERSION, VERSION_PATTERN

_NO_NUMBER = f"has to be a whole number from 1 to {MAX_VERSION:,}"


class Keys:
    """A mapping and its path; a key without a value counts as left out.

    Every method raises Invalid if a value is of another kind; the message names its place.
    """

    def __init__(self, value: object, path: str = "") -> None:
        self._values: Mapping[Any, Any] = expect(dict, value, path or "prompt")
        self.path = path
        self._asked: set[str] = set()
        self._inside: list[Keys] = []

    def __contains__(self, key: str) -> bool:
        return self._values.get(key) is not None

    def within(self, value: object, key: str) -> "Keys":
        """Return a nested mapping, whose unread keys are this one's too."""
        nested = Keys(value, self.place(key))
        self._inside.append(nested)
        return nested

    def unread(self) -> list[str]:
        """Return the places of values that were never read, nested ones included."""
        here = [
            self.place(str(key))
            for key, value in self._values.items()
            if key not in self._asked and has_value(value)
        ]
        return here + [place for each in self._inside for place in each.unread()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def place(self, key: str) -> str:
        """Return the place of a key, as in `versions[2].branch`."""
        return f"{self.path}.{key}" if self.path else key

    def only(self, known: Collection[str], *, also: Collection[str] = ()) -> None:
        """Refuse unknown keys; those in `also` are accepted but never proposed."""
        for key in self._values:
            if key not in known and key not in also:
                hint = did_you_mean(nearest(str(key), list(known))) or f" Use {', '.join(known)}"
                raise refused(self.place(str(key)), f"is no key that a prompt has.{hint}")

    def any(self, key: str) -> Any:
        """Return a value of any kind; None if it is left out."""
        self._asked.add(key)
        return self._values.get(key)

    def peek(self, key: str) -> Any:
        """Return a value of any kind without counting it as read."""
        return self._values.get(key)

    def pass_over(self, key: str, *values: object) -> None:
        """Count a key as read if it has one of these values, which carry no information."""
        if self._values.get(key) in values:
            self._asked.add(key)

    def text(self, key: str) -> str | None:
        """Return a text; None if it is left out."""
        value = self.any(key)
        return None if value is None else expect(str, value, self.place(key))

    def needed(self, key: str) -> str:
        """Return a required text."""
        text = self.text(key)
        if text is None:
            raise refused(self.place(key), "is missing. Write it")
        return text

    def number(self, key: str) -> int | None:
        """Return a whole number above 0; None if it is left out."""
        value = self.any(key)
        return None if value is None else number_in(value, self.place(key))

    def moment(self, key: str) -> datetime:
        """Return a required time; without a zone it is in UTC."""
        text = self.needed(key)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise refused(
                self.place(key), f"is '{shown(text)}'. Write it as in '2026-11-23T12:00:00Z'"
            ) from None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def mapping(self, key: str) -> dict[str, Any]:
        """Return a mapping; empty if it is left out."""
        return expect(dict, self.any(key) or {}, self.place(key))

    def items(self, key: str) -> list[Any]:
        """Return a list; empty if it is left out."""
        value = self.any(key)
        return [] if value is None else expect(list, value, self.place(key))

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, or the parts of one text between commas."""
        value = self.any(key)
        if isinstance(value, str):
            return tuple(each for each in value.split(",") if each.strip())
        return () if not value else read(tuple[str, ...], value, self.place(key))


def number_in(value: object, place: str) -> int:
    """Return a whole number, which may be text as in the key of a mapping."""
    if isinstance(value, str) and re.fullmatch(f"0{{0,8}}{VERSION_PATTERN}", value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_VERSION:
        return value
    raise refused(place, f"is '{shown(value)}', and {_NO_NUMBER}")
