"""Lineage: which versions a version was made from, and where two lines of versions parted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from storage.values.entities import Ancestry


@dataclass(frozen=True)
class Lineage:
    """The ancestry of a prompt's versions."""

    rows: Iterable[Ancestry]

    @cached_property
    def _made_from(self) -> Mapping[int, tuple[int, ...]]:
        return {
            row.version: tuple(each for each in (row.parent, row.merged_from) if each is not None)
            for row in self.rows
        }

    def line_of(self, head: int) -> set[int]:
        """Return a version and all that it was made from, by whatever way."""
        line: set[int] = set()
        pending = [head]
        while pending:
            version = pending.pop()
            if version not in line:
                line.add(version)
                pending += self._made_from.get(version, ())
        return line

    def parting(self, one: int, other: int) -> int | None:
        """Return the newest version that both were made from; None where they share none.

        Versions are younger than what they are made from, so the highest common number is a best
        common ancestor: nothing that both lines share comes after it.
        """
        shared = self.line_of(one) & self.line_of(other)
        return max(shared, default=None)
