"""Reports of a sync: sentences as it goes, or JSON at its end."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mcp_server.cli.printing import counted, write_json, write_line
from mcp_server.cli.running import warn
from mcp_server.schemas.syncing import SyncedOut, SyncKind, SyncOut


@dataclass(slots=True)
class SyncReport:
    """Reports the outcomes of prompts; a sentence that recurs is printed once."""

    as_json: bool = False
    _said: set[str] = field(default_factory=set)
    _remarks: list[str] = field(default_factory=list)
    _items: list[SyncedOut] = field(default_factory=list)

    def say(self, sentence: str) -> None:
        """Print a sentence on standard error, unless it was printed before."""
        if sentence not in self._said:
            self._said.add(sentence)
            warn(sentence)

    def remark(self, sentence: str) -> None:
        """Report a sentence that isn't about one prompt."""
        self.say(sentence)
        if self.as_json:
            self._remarks.append(sentence)

    def left(self, place: str, name: str, message: str) -> None:
        """Report why a prompt isn't in step."""
        self.say(f"{place}: {message}")
        self._note(place, name, "left", message=message)

    def done(
        self, place: str, name: str, kind: SyncKind, version: int, remarks: Sequence[str] = ()
    ) -> None:
        """Report a prompt that is in step now, with remarks on losses."""
        if kind != "in step" and not self.as_json:
            prompt = f"{name}@{version}"
            write_line(f"{place} → {prompt}" if kind == "taken" else f"{prompt} → {place}")
        for remark in remarks:
            self.say(f"{place}: {remark}")
        if kind != "in step" or remarks:
            self._note(place, name, kind, version=version, remarks=remarks)

    def end(self, left: int, unasked: int) -> None:
        """Report the number of files that the filter left out; write the JSON if wanted."""
        if unasked:
            self.say(f"Not asked for, and left alone: {counted(unasked, 'file')}.")
        if self.as_json:
            write_json(
                SyncOut(left=left, not_asked_for=unasked, remarks=self._remarks, items=self._items)
            )

    def _note(
        self,
        place: str,
        name: str,
        kind: SyncKind,
        *,
        version: int | None = None,
        message: str | None = None,
        remarks: Sequence[str] = (),
    ) -> None:
        if self.as_json:
            remark_list = list(remarks) or None
            self._items.append(
                SyncedOut(
                    source=place,
                    name=name,
                    kind=kind,
                    version=version,
                    message=message,
                    remarks=remark_list,
                )
            )
