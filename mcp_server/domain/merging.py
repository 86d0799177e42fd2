"""Merging: the combined changes of two lines of versions since they diverged.

Texts merge by lines; arguments, settings and variants one by one; everything else as a whole. If
both sides changed the same thing differently, that is a conflict, left to a person to resolve.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from typing import Any, Generic, NamedTuple, TypeVar

from mcp_server.domain.configs import write_config
from mcp_server.domain.diffs import VersionDiff, diff_versions
from mcp_server.domain.drafts import placeholders
from mcp_server.domain.fields import PLAIN
from mcp_server.domain.messages import single_user_text
from mcp_server.domain.regions import cut_regions
from storage.values.codecs import argument_to_json, content_to_json, messages_to_json
from storage.values.entities import (
    Argument,
    Content,
    Draft,
    Message,
    TextContent,
    Version,
)

T = TypeVar("T")
U = TypeVar("U")
S = TypeVar("S", covariant=True)
_ABSENT: Any = object()
_NOTHING = Draft(())


class Sides(NamedTuple, Generic[S]):
    """A value in three states: at the common base, on our side and on theirs."""

    base: S
    ours: S
    theirs: S

    def each(self, take: Callable[[S], U]) -> "Sides[U]":
        """Apply a function to all three states."""
        return Sides(take(self.base), take(self.ours), take(self.theirs))

    @property
    def is_decided(self) -> bool:
        """Whether at most one side changed it, or both in the same way."""
        return (
            _same(self.ours, self.theirs)
            or _same(self.ours, self.base)
            or _same(self.theirs, self.base)
        )

    @property
    def decided(self) -> S:
        """The changed state; ours if both sides changed it."""
        if not _same(self.ours, self.base):
            return self.ours
        # Writing 1 as 1.0 is less of a change than any other, and more than none.
        rewritten = _same(self.theirs, self.base) and not _same(self.ours, self.base, exactly=True)
        return self.ours if rewritten else self.theirs


@dataclass(frozen=True, slots=True)
class MergeConflict:
    """One place that both sides changed differently.

    `place` names it as a field of the prompt, as in `template` or `arguments.code.default`; `line`
    is its first line in our text, counted from 1, and None outside texts. `base`, `ours` and
    `theirs` are the contents, lines of a text or JSON values; None means absent.
    """

    place: str
    line: int | None
    base: Any
    ours: Any
    theirs: Any

    @property
    def field(self) -> str:
        """The prompt's field that contains it; a template counts as `messages`."""
        name = self.place.partition(".")[0].partition("[")[0]
        return "messages" if name == "template" else name


@dataclass(frozen=True, slots=True)
class Merge:
    """The result of a merge: a draft that isn't checked yet, and the conflicts.

    At conflicts the draft has our side.
    """

    draft: Draft
    conflicts: tuple[MergeConflict, ...]


def merge_drafts(base: Draft, ours: Draft, theirs: Draft) -> Merge:
    """Combine both sides' changes since the base."""
    sides = Sides(base, ours, theirs)
    merging = _Merging()
    template_format = merging.value("template_format", sides.each(lambda it: it.template_format))
    messages = merging.messages(_texts_place(sides), sides.each(lambda it: it.messages))
    variants = merging.mapping("variants", sides.each(lambda it: it.variants), merging.messages)
    texts = Draft(messages, template_format=template_format, variants=variants)
    arguments = merging.arguments(sides, set(placeholders(texts)))
    others = {
        name: merging.plain(name, sides.each(attrgetter(name)))
        for name in PLAIN
        if name != "template_format"
    }
    return Merge(replace(texts, arguments=arguments, **others), tuple(merging.conflicts))


@dataclass(frozen=True, slots=True)
class MergeView:
    """A preview of merging one version into another, from their common base.

    `ours` and `theirs` are each side's changes since the `base`.
    """

    base: int
    ours: VersionDiff
    theirs: VersionDiff
    conflicts: tuple[MergeConflict, ...]
    text: str


def view_merge(base: Version, ours: Version, theirs: Version) -> MergeView:
    """Preview a merge: both sides' changes, and the conflicts between them."""
    mine, other = diff_versions(base, ours), diff_versions(base, theirs)
    conflicts = merge_drafts(base.draft, ours.draft, theirs.draft).conflicts
    marked = write_conflicts(conflicts, f"version {ours.version}", f"version {theirs.version}")
    outcome = f"Both changed the same places:\n{marked}" if conflicts else "No conflicts.\n"
    return MergeView(base.version, mine, other, conflicts, f"{mine.text}{other.text}{outcome}")


def write_conflicts(conflicts: Sequence[MergeConflict], ours: str, theirs: str) -> str:
    """Write conflicts as one text, with the markers that merge tools use."""
    return "".join(
        f"{_where(each)}\n<<<<<<< {ours}\n{_shown(each.ours)}||||||| base\n{_shown(each.base)}"
        f"=======\n{_shown(each.theirs)}>>>>>>> {theirs}\n"
        for each in conflicts
    )


@dataclass
class _Merging:
    """A merge in progress, which collects its conflicts."""

    conflicts: list[MergeConflict] = field(default_factory=list)

    def value(self, place: str, sides: Sides[T]) -> T:
        """Merge a value as a whole: the side that changed it decides."""
        if not sides.is_decided:
            self.conflicts.append(MergeConflict(place, None, *sides.each(_plain)))
        return sides.decided

    def plain(self, place: str, sides: Sides[Any]) -> Any:
        """Merge a plain field: settings one by one, everything else as a whole."""
        is_mapping = isinstance(getattr(_NOTHING, place), Mapping)
        return self.settings(place, sides) if is_mapping else self.value(place, sides)

    def mapping(
        self,
        place: str,
        sides: Sides[Mapping[str, T]],
        deep: Callable[[str, Sides[T]], T] | None = None,
    ) -> dict[str, T]:
        """Merge mappings key by key; `deep` merges the values that all three have."""
        merged: dict[str, T] = {}
        for key in _merged_order(sides.each(tuple)):
            values: Sides[T] = Sides(*(side.get(key, _ABSENT) for side in sides))
            merge = self.value if deep is None or _ABSENT in values else deep
            result = merge(f"{place}.{key}", values)
            if result is not _ABSENT:
                merged[key] = result
        return merged

    def settings(self, place: str, sides: Sides[Mapping[str, Any]]) -> dict[str, Any]:
        """Merge settings key by key; reordering their keys counts as a change."""
        if not _shared_order(sides.each(tuple)).is_decided:
            self.conflicts.append(MergeConflict(place, None, *sides.each(_plain)))
        return self.mapping(place, sides)

    def arguments(self, sides: Sides[Draft], used: set[str]) -> tuple[Argument, ...]:
        """Merge declarations; drop those that both sides' texts use and the merged texts don't."""
        declared = sides.each(lambda it: {each.name: each for each in it.arguments})
        merged = self.mapping("arguments", declared, self._argument)
        for name, each in declared.base.items():
            # One side removed it with its last use, but the text merged from the other uses it.
            if name in used and name not in merged:
                merged |= {name: each}
        side_uses = [set(placeholders(side)) for side in (sides.ours, sides.theirs)]
        return tuple(
            each
            for name, each in merged.items()
            if name in used or not all(name in side for side in side_uses)
        )

    def messages(self, place: str, sides: Sides[tuple[Message, ...]]) -> tuple[Message, ...]:
        """Merge messages one by one where all sides have equally many, else as a block."""
        merged: list[Message] = []
        for at, piece in _pieces(sides):
            if len(set(piece.each(len))) == 1:
                for index, each in enumerate(zip(*piece, strict=True), at):
                    merged.append(self._message(_numbered(place, index), Sides(*each)))
            else:
                merged += self.value(place, piece)
        return tuple(merged)

    def _message(self, place: str, sides: Sides[Message]) -> Message:
        if sides.is_decided:
            return sides.decided
        role = self.value(f"{place}.role", sides.each(lambda it: it.role))
        contents = sides.each(lambda it: it.content)
        texts = [each.text for each in contents if isinstance(each, TextContent)]
        if len(texts) == len(contents):
            return Message(role, TextContent(self._text(place, Sides(*texts))))
        return Message(role, self.value(place, contents))

    def _text(self, place: str, sides: Sides[str]) -> str:
        merged: list[str] = []
        for at, piece in _pieces(sides.each(lambda it: tuple(it.split("\n")))):
            if not piece.is_decided:
                lines = piece.each(lambda it: "\n".join(it) if it else None)
                self.conflicts.append(MergeConflict(place, at + 1, *lines))
            merged += piece.decided
        return "\n".join(merged)

    def _argument(self, place: str, sides: Sides[Argument]) -> Argument:
        names = [each.name for each in fields(Argument)]
        parts = sides.each(lambda it: {name: getattr(it, name) for name in names})
        return Argument(**self.mapping(place, parts))


def _merged_order(keys: Sides[tuple[str, ...]]) -> list[str]:
    """Return both sides' keys, in the order of the side that reordered them; ours if both did.

    A key that only the other side has comes after its predecessor there.
    """
    shared = _shared_order(keys)
    first, second = keys.ours, keys.theirs
    if shared.ours == shared.base != shared.theirs:
        first, second = second, first
    merged = list(first)
    for before, key in zip((None, *second), second, strict=False):
        if key not in first:
            merged.insert(merged.index(before) + 1 if before is not None else 0, key)
    return merged


def _shared_order(keys: Sides[tuple[str, ...]]) -> Sides[list[str]]:
    """Return the keys common to all three, in the order of each."""
    shared = set(keys.base) & set(keys.ours) & set(keys.theirs)
    return keys.each(lambda side: [key for key in side if key in shared])


def _pieces(sides: Sides[tuple[T, ...]]) -> Iterator[tuple[int, Sides[tuple[T, ...]]]]:
    """Cut three sequences where all of them agree; yield each piece with its start in ours."""
    for region in cut_regions(*sides):
        piece = Sides(sides.base[region.base], sides.ours[region.ours], sides.theirs[region.theirs])
        yield region.ours.start, piece


def _texts_place(sides: Sides[Draft]) -> str:
    """Name the field of the texts as authors do: `template` for a single user text."""
    single = all(single_user_text(side.messages) is not None for side in sides)
    return "template" if single else "messages"


def _numbered(place: str, index: int) -> str:
    return place if place == "template" else f"{place}[{index}]"


def _same(one: object, other: object, *, exactly: bool = False) -> bool:
    """Compare values: true differs from 1, 1.0 equals 1 unless `exactly`, and key order counts."""
    if isinstance(one, _JSON) and isinstance(other, _JSON):
        write = write_config if exactly else _normalized_json
        return write(one) == write(other)
    return one == other


_JSON = (dict, list, int, float)


def _normalized_json(value: object) -> str:
    return write_config(_whole(value))


def _whole(value: object) -> object:
    """Return a JSON value with whole floats as integers."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {key: _whole(each) for key, each in value.items()}
        case list():
            return [_whole(each) for each in value]
    return value


def _plain(value: object) -> Any:
    """Return a value as JSON; None if it is absent or an empty tuple."""
    match value:
        case tuple() if value and isinstance(value[0], Message):
            return messages_to_json(value)
        case Argument():
            return argument_to_json(value)
        case _ if isinstance(value, Content):
            return content_to_json(value)
        case tuple():
            return list(value) or None
    return None if value is _ABSENT else value


def _where(conflict: MergeConflict) -> str:
    return conflict.place + (f", line {conflict.line}" if conflict.line else "")


def _shown(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    return f"{text}\n"
