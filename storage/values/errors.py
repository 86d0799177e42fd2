"""The kinds of failure that a caller can meet, in the words of the domain.

PromptError
├── NotFound      the requested thing isn't there; carries the nearest names
├── Conflict      somebody else got there first; carries the current version
├── Invalid       the request has to be changed first; names every field at fault
├── Forbidden     the caller may not do this
└── Unavailable   the database can't be reached now; trying again helps

Doors map these five kinds and never a subclass. A message is a full sentence that quotes the value
and names the next step.
"""

from collections.abc import Mapping, Sequence


class PromptError(Exception):
    """A failure with a message for the caller, which is safe to show."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def data(self) -> dict[str, object]:
        """Details that a program can act on, beside the message."""
        return {}

    @property
    def account(self) -> str:
        """The whole failure in words, for readers without the data."""
        return self.message

    @property
    def local(self) -> str:
        """The same for people on this machine, who may read more than clients."""
        return self.account


class NotFound(PromptError):
    """A prompt, version, label or branch that isn't there.

    `nearest` holds existing names that look like the one asked for, best first.
    """

    def __init__(self, message: str, *, nearest: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.nearest = tuple(nearest)

    @property
    def data(self) -> dict[str, object]:
        """The names to try instead."""
        return {"nearest": list(self.nearest)} if self.nearest else {}


class Conflict(PromptError):
    """A write that met a different state from the one it expected.

    `current_version` is the prompt's version now, if there is one. A merge's `conflicts` are the
    places that have to be decided, as JSON, and `marked` is the same as a text for people.
    """

    def __init__(
        self,
        message: str,
        *,
        current_version: int | None = None,
        conflicts: Sequence[Mapping[str, object]] = (),
        marked: str = "",
    ) -> None:
        super().__init__(message)
        self.current_version = current_version
        self.conflicts = tuple(conflicts)
        self.marked = marked

    @property
    def data(self) -> dict[str, object]:
        """The version to start again from, and the places that have to be decided."""
        details: dict[str, object] = {}
        if self.current_version is not None:
            details["current_version"] = self.current_version
        return details | ({"conflicts": list(self.conflicts)} if self.conflicts else {})

    @property
    def account(self) -> str:
        """The message, and below it the conflicts between their marks."""
        return f"{self.message}\n\n{self.marked}" if self.marked else self.message


class Invalid(PromptError):
    """Input that can't be accepted. `fields` maps each field at fault to a reason."""

    def __init__(self, message: str, *, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = dict(fields or {})

    @property
    def data(self) -> dict[str, object]:
        """The fields at fault."""
        return {"fields": self.fields} if self.fields else {}


class Forbidden(PromptError):
    """An act that this caller or this server isn't allowed."""


class Unavailable(PromptError):
    """The database can't be reached; nothing was changed and trying again helps.

    `reason` is for people on this machine: it may name folders, hosts and users, and quote the
    database's log. None of that is in the message, which may be sent to anybody.
    """

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason

    def __str__(self) -> str:
        """Return the text for a log."""
        return self.local

    @property
    def local(self) -> str:
        """The reason where there is one, else the message."""
        return self.reason or self.message
