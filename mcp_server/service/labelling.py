"""Labelling: the labels of a prompt, moved to where a file has them."""

from mcp_server.domain.formats.files import PromptFile
from storage.database import Transaction
from storage.values.entities import Prompt


async def move_labels(
    tx: Transaction, present: Prompt, file: PromptFile, version: int, by: str
) -> bool:
    """Move labels, and return whether any moved; `version` has the text of a file with one."""
    history = file.history
    labels = dict.fromkeys(file.labels, version) if history is None else history.labels
    shares = {} if history is None else history.weights
    moved = False
    for label, target in labels.items():
        weights = shares.get(label, {})
        before = present.labels.get(label)
        if (before, present.weights.get(label, {})) == (target, weights):
            continue
        await tx.labels.point(
            present.id,
            label,
            target,
            weights=weights,
            moved_from=before,
            moved_by=by,
            reason=f"Import from {file.source}",
        )
        moved = True
    return moved
