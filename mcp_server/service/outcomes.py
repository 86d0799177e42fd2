"""The options and outcomes of an import."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

MAX_TOLD = 1_000
"""Most failures, and most other outcomes, that an answer lists."""

OutcomeKind = Literal["created", "new version", "updated", "unchanged", "conflict", "refused"]


@dataclass(frozen=True, slots=True)
class Options:
    """The options of an import.

    `dry_run` only reports what would happen. `keep_going` leaves out prompts that can't be taken;
    without it, one such prompt keeps everything from being written. `move_labels` moves the labels
    of existing prompts to where the files have them. `force` also makes changes that break prompts
    which include the changed one.
    """

    dry_run: bool = False
    keep_going: bool = False
    move_labels: bool = False
    force: bool = False


DEFAULTS = Options()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome for one prompt of a file.

    `message` is the reason if the prompt can't be taken; otherwise `remarks` name the parts that
    aren't kept, or were read in an unexpected way.
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
class ImportResult:
    """The result of an import or a dry run: prompts by outcome, and whether they were written."""

    counts: Mapping[OutcomeKind, int]
    written: bool

    @property
    def failures(self) -> int:
        """The number of prompts that couldn't be taken."""
        return self.counts.get("conflict", 0) + self.counts.get("refused", 0)


@dataclass(slots=True)
class OutcomeLog:
    """The outcomes that an answer lists, up to a limit.

    These are failures, outcomes with remarks, and with `everything` all others. `remarked` counts
    the prompts with remarks, listed or not.
    """

    everything: bool = False
    failures: list[Outcome] = field(default_factory=list)
    remarked: int = 0
    _items: list[Outcome] = field(default_factory=list)

    @property
    def items(self) -> list[Outcome]:
        """The listed outcomes, in the order in which they came."""
        return list(self._items)

    def add(self, outcome: Outcome) -> None:
        """Add an outcome if it should be listed and there is room for it."""
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
