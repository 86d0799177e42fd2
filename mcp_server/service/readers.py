"""Readers: for whom a prompt is read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom a prompt is read: the model that gets the text, and a key of who uses it.

    The key decides which version a label with weights means: the same for the same key.
    """

    model_type: str | None
    key: str | None


ANYONE = Reader(None, None)
