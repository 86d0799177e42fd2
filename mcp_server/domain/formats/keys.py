"""Keys: the values of a mapping that was read from a file, each of the kind that it has to be."""

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from mcp_server.domain.names import did_you_mean, nearest
from mcp_server.domain.reading import expect, read, says
from mcp_server.domain.texts import refused, shown
from storage.values.entities import MAX_VERSION, VERSION_PATTERN

_NO_NUMBER = f"has to be a whole number from 1 to {MAX_VERSION:,}"


class Keys:
    """A mapping, and where it stands; what has no value counts as left out.

    Every method raises Invalid where a value is of another kind; the sentence names its place.
    """

    def __init__(self, value: object, path: str = "") -> None:
        self._values: Mapping[Any, Any] = expect(dict, value, path or "prompt")
        self.path = path
        self._asked: set[str] = set()
        self._inside: list[Keys] = []

    def __contains__(self, key: str) -> bool:
        return self._values.get(key) is not None

    def within(self, value: object, key: str) -> "Keys":
        """Return a mapping that stands in this one, whose unread keys are this one's too."""
        found = Keys(value, self.place(key))
        self._inside.append(found)
        return found

    def unread(self) -> list[str]:
        """Return the places of values that nobody asked for, here and within."""
        here = [
            self.place(str(key))
            for key, value in self._values.items()
            if key not in self._asked and says(value)
        ]
        return here + [place for each in self._inside for place in each.unread()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def place(self, key: str) -> str:
        """Return where a value stands, as in `versions[2].branch`."""
        return f"{self.path}.{key}" if self.path else key

    def only(self, known: Collection[str], *, also: Collection[str] = ()) -> None:
        """Refuse keys that there aren't; `also` are taken too, and never proposed."""
        for key in self._values:
            if key not in known and key not in also:
                hint = did_you_mean(nearest(str(key), list(known))) or f" Use {', '.join(known)}"
                raise refused(self.place(str(key)), f"is no key that a prompt has.{hint}")

    def any(self, key: str) -> Any:
        """Return a value of any kind, None where there is none."""
        self._asked.add(key)
        return self._values.get(key)

    def peek(self, key: str) -> Any:
        """Return a value of any kind without counting it as read."""
        return self._values.get(key)

    def pass_over(self, key: str, *values: object) -> None:
        """Count a key as read where it says one of these values, which tell nothing."""
        if self._values.get(key) in values:
            self._asked.add(key)

    def text(self, key: str) -> str | None:
        """Return a text."""
        value = self.any(key)
        return None if value is None else expect(str, value, self.place(key))

    def needed(self, key: str) -> str:
        """Return a text that isn't left out."""
        found = self.text(key)
        if found is None:
            raise refused(self.place(key), "is missing. Write it")
        return found

    def number(self, key: str) -> int | None:
        """Return a whole number above 0."""
        value = self.any(key)
        return None if value is None else number_in(value, self.place(key))

    def moment(self, key: str) -> datetime:
        """Return a moment, which isn't left out; without a zone it is one of UTC."""
        written = self.needed(key)
        try:
            found = datetime.fromisoformat(written)
        except ValueError:
            raise refused(
                self.place(key), f"is '{shown(written)}'. Write it as in '2026-11-23T12:00:00Z'"
            ) from None
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    def mapping(self, key: str) -> dict[str, Any]:
        """Return a mapping."""
        return expect(dict, self.any(key) or {}, self.place(key))

    def items(self, key: str) -> list[Any]:
        """Return a list."""
        value = self.any(key)
        return [] if value is None else expect(list, value, self.place(key))

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, or what commas part in one."""
        value = self.any(key)
        if isinstance(value, str):
            return tuple(each for each in value.split(",") if each.strip())
        return () if not value else read(tuple[str, ...], value, self.place(key))


def number_in(value: object, place: str) -> int:
    """Return a number of a version, as it is or as the key of a mapping."""
    if isinstance(value, str) and re.fullmatch(f"0*{VERSION_PATTERN}", value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_VERSION:
        return value
    raise refused(place, f"is '{shown(value)}', and {_NO_NUMBER}")
