"""Lineage: the ancestors of a version, and the point where two lines of versions diverged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from storage.values.entities import Ancestry


@dataclass(frozen=True)
class Lineage:
    """The ancestry of a prompt's versions."""

    rows: Iterable[Ancestry]

    @cached_property
    def _parents(self) -> Mapping[int, tuple[int, ...]]:
        return {
            row.version: tuple(each for each in (row.parent, row.merged_from) if each is not None)
            for row in self.rows
        }

    def line_of(self, head: int) -> set[int]:
        """Return a version and all of its ancestors, through parents and merges."""
        line: set[int] = set()
        pending = [head]
        while pending:
            version = pending.pop()
            if version not in line:
                line.add(version)
                pending += self._parents.get(version, ())
        return line

    def parting(self, one: int, other: int) -> int | None:
        """Return the newest common ancestor of two versions; None if there is none.

        Versions are newer than their ancestors, so the highest common number is a best common
        ancestor: nothing that both lines share comes after it.
        """
        shared = self.line_of(one) & self.line_of(other)
        return max(shared, default=None)
