"""Weights: how a label shares its reads out among versions, the same for the same reader."""

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
"""What `check_weights` takes, with the numbers of versions as text, in JSON Schema."""


def check_weights(weights: Mapping[int, int]) -> dict[int, int]:
    """Return weights by version, those of nothing left out.

    Raises:
        Invalid: fewer than two versions get a share, there are too many, or a weight is none.
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
    """Return the version with the largest share, the newer one of two."""
    return max(weights, key=lambda version: (weights[version], version))


def choose(weights: Mapping[int, int], prompt_id: UUID, label: str, key: str) -> int:
    """Return the version that a reader gets: the same one each time, as long as the weights stay.

    Readers are spread by a hash of who they are, over each prompt and label anew, so that nobody
    is in the small share of every trial.
    """
    seed = f"{prompt_id.hex}\0{label}\0{key}".encode("utf-8", "surrogatepass")
    place = int.from_bytes(blake2b(seed, digest_size=8).digest()) % sum(weights.values())
    for version, weight in sorted(weights.items()):
        place -= weight
        if place < 0:
            return version
    raise AssertionError("unreachable: the place lies within the sum of the weights")
