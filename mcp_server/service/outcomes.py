"""What an import is told, and what it tells."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

MAX_TOLD = 1_000
"""Prompts of which an answer tells what became of them."""

OutcomeKind = Literal["created", "new version", "updated", "unchanged", "conflict", "refused"]


@dataclass(frozen=True, slots=True)
class Options:
    """How an import goes about it.

    `dry_run` only tells what would happen. With `keep_going` what can't be taken is left out;
    otherwise nothing is written at all where anything can't. `move_labels` moves the labels of
    prompts that are there to where the files have them. `force` also makes changes by which prompts
    that include one couldn't be used any more.
    """

    dry_run: bool = False
    keep_going: bool = False
    move_labels: bool = False
    force: bool = False


DEFAULTS = Options()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of one prompt of a file.

    `message` says why where it can't be taken; `remarks` say what of it isn't kept, or wasn't read
    as it looks, where it can.
    """

    source: str
    name: str | None
    kind: OutcomeKind
    message: str | None = None
    remarks: tuple[str, ...] = ()

    @property
    def is_failure(self) -> bool:
        """Whether the prompt can't be taken."""
        return self.kind in ("conflict", "refused")


@dataclass(frozen=True, slots=True)
class Taken:
    """What an import did, or would do: how many prompts of each kind, and whether it is kept."""

    counts: Mapping[OutcomeKind, int]
    written: bool

    @property
    def failures(self) -> int:
        """How many prompts couldn't be taken."""
        return self.counts.get("conflict", 0) + self.counts.get("refused", 0)


@dataclass(slots=True)
class Told:
    """The outcomes that an answer tells of, as many of each kind as it has place for.

    These are prompts that can't be taken, those that there are remarks on, and with `everything`
    all of them. `remarked` counts the prompts with remarks, told or not.
    """

    everything: bool = False
    failures: list[Outcome] = field(default_factory=list)
    remarked: int = 0
    _items: list[Outcome] = field(default_factory=list)

    @property
    def items(self) -> list[Outcome]:
        """The outcomes in the order in which they came."""
        return list(self._items)

    def add(self, outcome: Outcome) -> None:
        """Take an outcome in, if it is to be told and there is place for it."""
        self.remarked += bool(outcome.remarks)
        if outcome.is_failure:
            if len(self.failures) < MAX_TOLD:
                self.failures.append(outcome)
                self._items.append(outcome)
        elif (self.everything or outcome.remarks) and self._others < MAX_TOLD:
            self._items.append(outcome)

    @property
    def _others(self) -> int:
        return len(self._items) - len(self.failures)


Report = Callable[[Outcome], None]
