"""What an import is told, and what it tells."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["created", "new version", "updated", "unchanged", "conflict", "refused"]


@dataclass(frozen=True, slots=True)
class Options:
    """How an import goes about it.

    `dry_run` only tells what would happen. With `keep_going` what can't be taken is left out;
    otherwise nothing is written at all where anything can't. `move_labels` moves the labels of
    prompts that are there to where the files have them.
    """

    dry_run: bool = False
    keep_going: bool = False
    move_labels: bool = False


DEFAULTS = Options()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of one prompt of a file; `message` says why where it can't be taken."""

    source: str
    name: str | None
    kind: Kind
    message: str | None = None

    @property
    def is_failure(self) -> bool:
        """Whether the prompt can't be taken."""
        return self.kind in ("conflict", "refused")


@dataclass(frozen=True, slots=True)
class Taken:
    """What an import did, or would do: how many prompts of each kind, and whether it is kept."""

    counts: Mapping[Kind, int]
    written: bool

    @property
    def failures(self) -> int:
        """How many prompts couldn't be taken."""
        return self.counts.get("conflict", 0) + self.counts.get("refused", 0)


Report = Callable[[Outcome], None]
