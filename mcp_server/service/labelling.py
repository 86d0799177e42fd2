"""Labelling: the one place that sets labels, for use cases, imports and copies alike."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from mcp_server.domain.weights import heaviest
from mcp_server.service.callers import Caller
from storage.database import Transaction
from storage.values.entities import History, Move, Prompt

Shares = Mapping[int, int]
"""The versions that a label points at, each with its weight; a label without any isn't set."""


class Labelling:
    """Sets, moves and removes labels of prompts whose locks the transaction holds."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def point(
        self, tx: Transaction, prompt: Prompt, wanted: Mapping[str, Shares], reason: str | None
    ) -> bool:
        """Move the labels that don't point where they are wanted, and return whether any moved."""
        current = shares_of(prompt)
        moves = [
            (prompt.id, self._move(prompt, label, shares, reason))
            for label, shares in wanted.items()
            if shares != current.get(label, {})
        ]
        await self.record(tx, moves)
        return bool(moves)

    async def record(self, tx: Transaction, moves: Sequence[tuple[UUID, Move]]) -> None:
        """Apply label moves in order; a move with a `moved_at` keeps it."""
        await tx.labels.record(moves)

    def _move(self, prompt: Prompt, label: str, shares: Shares, reason: str | None) -> Move:
        return Move(
            label,
            from_version=prompt.labels.get(label),
            to_version=heaviest(shares) if shares else None,
            weights=shares if len(shares) > 1 else {},
            moved_by=self._caller.name,
            reason=reason,
        )


def shares_of(labelled: Prompt | History) -> dict[str, Shares]:
    """Return the versions that each label points at, with their weights."""
    weights = labelled.weights
    return {label: weights.get(label) or {version: 1} for label, version in labelled.labels.items()}
