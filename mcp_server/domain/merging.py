"""Merging: what two lines of versions changed since they parted, put together.

Texts merge by lines; arguments, settings and variants one by one; everything else as a whole. Where
both sides changed the same thing differently there is a conflict, and whoever merges decides.
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
    """One thing three times: where two lines parted, and what it is on each of them now."""

    base: S
    ours: S
    theirs: S

    def each(self, take: Callable[[S], U]) -> "Sides[U]":
        """Return a part of each."""
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
        """The changed one; ours where both changed it."""
        if not _same(self.ours, self.base):
            return self.ours
        # Writing 1 as 1.0 is less of a change than any other, and more than none.
        rewritten = _same(self.theirs, self.base) and not _same(self.ours, self.base, exactly=True)
        return self.ours if rewritten else self.theirs


@dataclass(frozen=True, slots=True)
class MergeConflict:
    """One place that both sides changed differently.

    `place` names it as a field of the prompt, as in `template` or `arguments.code.default`; `line`
    is where it begins in our text, counted from 1, and None where it isn't part of a text. `base`,
    `ours` and `theirs` are what stands there, lines of a text or JSON values; None is nothing.
    """

    place: str
    line: int | None
    base: Any
    ours: Any
    theirs: Any

    @property
    def field(self) -> str:
        """The field of the prompt that it lies in; a template is its messages."""
        name = self.place.partition(".")[0].partition("[")[0]
        return "messages" if name == "template" else name


@dataclass(frozen=True, slots=True)
class Merge:
    """What came of a merge: the content, yet unchecked, and the places that are undecided.

    At those places the draft holds our side.
    """

    draft: Draft
    conflicts: tuple[MergeConflict, ...]


def merge_drafts(base: Draft, ours: Draft, theirs: Draft) -> Merge:
    """Put together what both sides changed since the base."""
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
    """What merging one version into another would bring, from where the two went apart.

    `ours` and `theirs` tell what each side changed since the `base`.
    """

    base: int
    ours: VersionDiff
    theirs: VersionDiff
    conflicts: tuple[MergeConflict, ...]
    text: str


def view_merge(base: Version, ours: Version, theirs: Version) -> MergeView:
    """Show both sides' changes beside each other, and the places where they meet."""
    mine, other = diff_versions(base, ours), diff_versions(base, theirs)
    conflicts = merge_drafts(base.draft, ours.draft, theirs.draft).conflicts
    marked = write_conflicts(conflicts, f"version {ours.version}", f"version {theirs.version}")
    met = f"Both changed the same places:\n{marked}" if conflicts else "No conflicts.\n"
    return MergeView(base.version, mine, other, conflicts, f"{mine.text}{other.text}{met}")


def write_conflicts(conflicts: Sequence[MergeConflict], ours: str, theirs: str) -> str:
    """Write conflicts as one text, each with the marks that merge tools use."""
    return "".join(
        f"{_where(each)}\n<<<<<<< {ours}\n{_shown(each.ours)}||||||| base\n{_shown(each.base)}"
        f"=======\n{_shown(each.theirs)}>>>>>>> {theirs}\n"
        for each in conflicts
    )


@dataclass
class _Merging:
    """A merge under way, and the conflicts met so far."""

    conflicts: list[MergeConflict] = field(default_factory=list)

    def value(self, place: str, sides: Sides[T]) -> T:
        """Merge what is one thing: whoever changed it decides."""
        if not sides.is_decided:
            self.conflicts.append(MergeConflict(place, None, *sides.each(_plain)))
        return sides.decided

    def plain(self, place: str, sides: Sides[Any]) -> Any:
        """Merge a plain field: settings one by one, everything else as one thing."""
        is_mapping = isinstance(getattr(_NOTHING, place), Mapping)
        return self.settings(place, sides) if is_mapping else self.value(place, sides)

    def mapping(
        self,
        place: str,
        sides: Sides[Mapping[str, T]],
        deep: Callable[[str, Sides[T]], T] | None = None,
    ) -> dict[str, T]:
        """Merge what has keys, each by itself; `deep` merges those that all three have."""
        merged: dict[str, T] = {}
        for key in _merged_order(sides.each(tuple)):
            found: Sides[T] = Sides(*(side.get(key, _ABSENT) for side in sides))
            merge = self.value if deep is None or _ABSENT in found else deep
            kept = merge(f"{place}.{key}", found)
            if kept is not _ABSENT:
                merged[key] = kept
        return merged

    def settings(self, place: str, sides: Sides[Mapping[str, Any]]) -> dict[str, Any]:
        """Merge settings, whose order is a change like any other."""
        if not _shared_order(sides.each(tuple)).is_decided:
            self.conflicts.append(MergeConflict(place, None, *sides.each(_plain)))
        return self.mapping(place, sides)

    def arguments(self, sides: Sides[Draft], used: set[str]) -> tuple[Argument, ...]:
        """Merge declarations; those that only one side's text had a use for go with that use."""
        declared = sides.each(lambda it: {each.name: each for each in it.arguments})
        merged = self.mapping("arguments", declared, self._argument)
        for name, each in declared.base.items():
            # Taken away by a side whose text went without it, while the other's still needs it.
            if name in used and name not in merged:
                merged |= {name: each}
        needed = [set(placeholders(side)) for side in (sides.ours, sides.theirs)]
        return tuple(
            each
            for name, each in merged.items()
            if name in used or not all(name in side for side in needed)
        )

    def messages(self, place: str, sides: Sides[tuple[Message, ...]]) -> tuple[Message, ...]:
        """Merge messages: those that stand at one place between equal ones text by text."""
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
    """Return the keys of both sides, in the order of the side that changed it; ours if both did.

    A key that only the other side has comes after the one that it follows there.
    """
    kept = _shared_order(keys)
    first, second = keys.ours, keys.theirs
    if kept.ours == kept.base != kept.theirs:
        first, second = second, first
    merged = list(first)
    for before, key in zip((None, *second), second, strict=False):
        if key not in first:
            merged.insert(merged.index(before) + 1 if before is not None else 0, key)
    return merged


def _shared_order(keys: Sides[tuple[str, ...]]) -> Sides[list[str]]:
    """Return the keys that all three have, in the order that they have in each."""
    shared = set(keys.base) & set(keys.ours) & set(keys.theirs)
    return keys.each(lambda side: [key for key in side if key in shared])


def _pieces(sides: Sides[tuple[T, ...]]) -> Iterator[tuple[int, Sides[tuple[T, ...]]]]:
    """Cut three sequences wherever all of them agree; each piece comes with its place in ours."""
    for region in cut_regions(*sides):
        piece = Sides(sides.base[region.base], sides.ours[region.ours], sides.theirs[region.theirs])
        yield region.ours.start, piece


def _texts_place(sides: Sides[Draft]) -> str:
    """Call the texts as authors do, who write a single user text as a template."""
    single = all(single_user_text(side.messages) is not None for side in sides)
    return "template" if single else "messages"


def _numbered(place: str, index: int) -> str:
    return place if place == "template" else f"{place}[{index}]"


def _same(one: object, other: object, *, exactly: bool = False) -> bool:
    """Compare values: JSON's true isn't 1, 1.0 is unless `exactly`; the order of keys counts."""
    if isinstance(one, _JSON) and isinstance(other, _JSON):
        write = write_config if exactly else _written
        return write(one) == write(other)
    return one == other


_JSON = (dict, list, int, float)


def _written(value: object) -> str:
    return write_config(_whole(value))


def _whole(value: object) -> object:
    """Return JSON with whole numbers written alike."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {key: _whole(each) for key, each in value.items()}
        case list():
            return [_whole(each) for each in value]
    return value


def _plain(value: object) -> Any:
    """Write a value as JSON; None is nothing."""
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
