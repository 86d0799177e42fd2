"""Limits: how much a prompt may hold. Whoever runs the program can set them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one prompt may have; `text` is characters in all messages of one version."""

    text: int = 1_000_000
    arguments: int = 256
    tags: int = 64


_in_use = Limits()


def limits() -> Limits:
    """Return the limits of this process."""
    return _in_use


def use_limits(chosen: Limits) -> None:
    """Set the limits of this process, before anything is written; what is kept stays as it is."""
    global _in_use
    _in_use = chosen
