"""Limits on the size of a prompt, which the operator can set."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The maximum for one prompt; `text` counts characters in all messages of one version."""

    text: int = 1_000_000
    arguments: int = 256
    tags: int = 64


_in_use = Limits()


def limits() -> Limits:
    """Return the limits of this process."""
    return _in_use


def use_limits(chosen: Limits) -> None:
    """Set the limits of this process, before its first write; stored prompts are unaffected."""
    global _in_use
    _in_use = chosen
