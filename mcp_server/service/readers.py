"""Readers: the model and the user that a prompt is read for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reader:
    """The model that gets a prompt's text, and a key that identifies its user.

    The key decides which version a label with weights means, always the same for the same key.
    """

    model_type: str | None
    key: str | None


ANYONE = Reader(None, None)
