"""Weights: the split of a label's reads among versions, always the same for the same reader."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any
from uuid import UUID

from mcp_server.domain.texts import refused
from storage.values.entities import VERSION_PATTERN

MAX_SHARED = 20
MAX_WEIGHT = 1_000_000
WEIGHTS_SCHEMA: Mapping[str, Any] = {
    "propertyNames": {"pattern": rf"^{VERSION_PATTERN}$"},
    "additionalProperties": {"type": "integer", "minimum": 1, "maximum": MAX_WEIGHT},
    "minProperties": 2,
    "maxProperties": MAX_SHARED,
}
"""JSON Schema for the input of `check_weights`, with version numbers as text."""


def check_weights(weights: Mapping[int, int]) -> dict[int, int]:
    """Return the weights by version, without zeros.

    Raises:
        Invalid: fewer than two versions have a share, there are too many, or a weight is out of
            range.
    """
    for version, weight in weights.items():
        if not 0 <= weight <= MAX_WEIGHT:
            raise refused(
                f"weights.{version}", f"is {weight}. Give a whole number from 0 to {MAX_WEIGHT:,}"
            )
    shared = {version: weight for version, weight in sorted(weights.items()) if weight}
    if len(shared) < 2:
        raise refused(
            "weights",
            f"gives {len(shared)} versions a share. Name at least two with a weight above 0, or "
            "point the label at one version without weights",
        )
    if len(shared) > MAX_SHARED:
        raise refused(
            "weights", f"names {len(shared)} versions; at most {MAX_SHARED} are allowed. Use fewer"
        )
    return shared


def heaviest(weights: Mapping[int, int]) -> int:
    """Return the version with the largest share; the newer one of equals."""
    return max(weights, key=lambda version: (weights[version], version))


def choose(weights: Mapping[int, int], prompt_id: UUID, label: str, key: str) -> int:
    """Return a reader's version: always the same one, as long as the weights don't change.

    Readers are spread by a hash of their key, separately for each prompt and label, so that nobody
    is in the small share of every trial.
    """
    seed = f"{prompt_id.hex}\0{label}\0{key}".encode("utf-8", "surrogatepass")
    place = int.from_bytes(blake2b(seed, digest_size=8).digest()) % sum(weights.values())
    for version, weight in sorted(weights.items()):
        place -= weight
        if place < 0:
            return version
    raise AssertionError("unreachable: the place lies within the sum of the weights")
