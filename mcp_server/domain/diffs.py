"""Diffs: the changes between two versions, for people, agents and programs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Any, Literal, TypeAlias

from mcp_server.domain.configs import write_config
from mcp_server.domain.fields import PLAIN
from mcp_server.domain.line_diffs import align, unified_diff
from mcp_server.domain.word_diffs import Segment, word_diff, write_words
from storage.values.entities import Argument, EmbeddedResource, Message, TextContent, Version

DiffKind: TypeAlias = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class MessageDiff:
    """One message that differs. `old` and `new` are its positions, counted from 0.

    `variant` is the model_type whose text it belongs to, None for the base text; `text` is a
    unified diff, '' if only the role changed. `words` are the runs of a word diff, if requested.
    """

    kind: DiffKind
    old: int | None
    new: int | None
    old_role: str | None
    new_role: str | None
    text: str
    variant: str | None = None
    words: tuple[Segment, ...] = ()


@dataclass(frozen=True, slots=True)
class ArgumentDiff:
    """One argument that differs; `fields` names its changed fields."""

    kind: DiffKind
    name: str
    old: Argument | None
    new: Argument | None
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldDiff:
    """A field of the version itself that differs."""

    field: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """All differences between two versions; `text` shows them in readable form."""

    old: int
    new: int
    messages: tuple[MessageDiff, ...]
    arguments: tuple[ArgumentDiff, ...]
    metadata: tuple[FieldDiff, ...]
    text: str

    @property
    def identical(self) -> bool:
        """Whether the versions have the same messages, arguments and metadata."""
        return not (self.messages or self.arguments or self.metadata)


def diff_versions(old: Version, new: Version, *, words: bool = False) -> VersionDiff:
    """Compare two versions of a prompt, with `words` also word by word."""
    messages = (
        *_message_diffs(old.draft.messages, new.draft.messages, None, words=words),
        *_variant_diffs(old.draft.variants, new.draft.variants, words=words),
    )
    arguments = tuple(_argument_diffs(old.draft.arguments, new.draft.arguments))
    metadata = tuple(_field_diffs(old, new))
    text = _write(old.version, new.version, messages, arguments, metadata)
    return VersionDiff(old.version, new.version, messages, arguments, metadata, text)


def _variant_diffs(
    old: Mapping[str, Sequence[Message]], new: Mapping[str, Sequence[Message]], *, words: bool
) -> Iterator[MessageDiff]:
    for model_type in sorted({*old, *new}):
        before, after = old.get(model_type, ()), new.get(model_type, ())
        yield from _message_diffs(before, after, model_type, words=words)


def _message_diffs(
    old: Sequence[Message], new: Sequence[Message], variant: str | None, *, words: bool
) -> Iterator[MessageDiff]:
    """Pair equal messages, then messages at the same position between equal ones."""
    for old_start, old_end, new_start, new_end in align(old, new):
        paired = min(old_end - old_start, new_end - new_start)
        for step in range(paired):
            yield _pair_diff(old, old_start + step, new, new_start + step, variant, words=words)
        for index in range(old_start + paired, old_end):
            role, text = old[index].role, unified_diff(_content_text(old[index]), "")
            yield MessageDiff("removed", index, None, role, None, text, variant)
        for index in range(new_start + paired, new_end):
            role, text = new[index].role, unified_diff("", _content_text(new[index]))
            yield MessageDiff("added", None, index, None, role, text, variant)


def _pair_diff(
    old: Sequence[Message],
    old_at: int,
    new: Sequence[Message],
    new_at: int,
    variant: str | None,
    *,
    words: bool,
) -> MessageDiff:
    before, after = old[old_at], new[new_at]
    texts = _content_text(before), _content_text(after)
    runs = word_diff(*texts) if words and texts[0] != texts[1] else ()
    return MessageDiff(
        "changed", old_at, new_at, before.role, after.role, unified_diff(*texts), variant, runs
    )


def _content_text(message: Message) -> str:
    """Write a content as text, with data replaced by its size and hash."""
    content = message.content
    if isinstance(content, TextContent):
        return content.text
    kind = "resource" if isinstance(content, EmbeddedResource) else type(content).__name__
    lines = [f"[{kind}]"]
    for field in fields(content):
        value = getattr(content, field.name)
        if field.name in ("data", "blob") and value is not None:
            value = f"{len(value)} characters of base64, SHA-256 {_fingerprint(value)}"
        if value is not None:
            lines.append(f"{field.name}: {value}")
    return "\n".join(lines)


def _fingerprint(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def _argument_diffs(old: Sequence[Argument], new: Sequence[Argument]) -> Iterator[ArgumentDiff]:
    before = {argument.name: argument for argument in old}
    after = {argument.name: argument for argument in new}
    for name in dict.fromkeys([*before, *after]):
        was, now = before.get(name), after.get(name)
        if was is None or now is None:
            yield ArgumentDiff("added" if was is None else "removed", name, was, now)
        elif was != now:
            names = (field.name for field in fields(Argument))
            changed = tuple(each for each in names if getattr(was, each) != getattr(now, each))
            yield ArgumentDiff("changed", name, was, now, changed)


def _field_diffs(old: Version, new: Version) -> Iterator[FieldDiff]:
    if sorted(old.tags) != sorted(new.tags):
        yield FieldDiff("tags", old.tags, new.tags)
    for field in PLAIN:
        was, now = getattr(old.draft, field), getattr(new.draft, field)
        if write_config(was) != write_config(now):
            yield FieldDiff(field, was, now)


def _write(
    old: int,
    new: int,
    messages: Sequence[MessageDiff],
    arguments: Sequence[ArgumentDiff],
    metadata: Sequence[FieldDiff],
) -> str:
    """Write all differences as one text, in the style of a patch."""
    if not (messages or arguments or metadata):
        return f"Versions {old} and {new} are identical.\n"
    parts = [f"--- version {old}\n+++ version {new}\n"]
    parts += [
        f"{_message_line(each)}\n{write_words(each.words) if each.words else each.text}"
        for each in messages
    ]
    parts += [_argument_text(each) for each in arguments]
    parts += [f"{each.field}\n-{_plain(each.old)}\n+{_plain(each.new)}\n" for each in metadata]
    return "".join(parts)


def _message_line(diff: MessageDiff) -> str:
    """Write the heading of a message's diff; people count messages from 1."""
    place = diff.old if diff.new is None else diff.new
    owner = "message" if diff.variant is None else f"variant {diff.variant}, message"
    roles = [role for role in dict.fromkeys((diff.old_role, diff.new_role)) if role]
    return f"{owner} {(place or 0) + 1} ({' -> '.join(roles)}) {diff.kind}"


def _argument_text(diff: ArgumentDiff) -> str:
    lines = [f"argument {diff.name} {diff.kind}"]
    for field in diff.fields:
        lines.append(f"-{field}: {_plain(getattr(diff.old, field))}")
        lines.append(f"+{field}: {_plain(getattr(diff.new, field))}")
    return "\n".join(lines) + "\n"


def _plain(value: object) -> str:
    """Write a field's value on one line."""
    if isinstance(value, tuple):
        return ", ".join(str(each) for each in value) or "(none)"
    return "(none)" if value is None or value == {} else str(value).replace("\n", "\\n")
