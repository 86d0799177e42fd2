"""Texts of Claude Code's commands and skills, whose blanks survive reading and writing."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mcp_server.domain.formats.claude_blanks import (
    WHOLE,
    Body,
    Declared,
    argument_name,
    comparable,
    declared_in,
    joins,
    read_body,
    usual_notation,
    write_body,
)
from mcp_server.domain.templates import template_engine
from mcp_server.domain.templates.simple import join_parts
from storage.values.entities import Argument, Draft

BLANKS = "blanks"
"""The key of a model_config for the notations of a file's blanks: by argument name, one text, or a
list with one for each place if they differ.
"""
HINT = "argument-hint"
NAMES = "arguments"
_MAX_NAMED = 5
"""Tokens quoted in one remark."""


@dataclass(frozen=True, slots=True)
class Text:
    """A written text, and the front matter that it needs.

    `declares` tells whether that expresses everything that its arguments declare; `unsaid` names
    the other parts that can't be expressed.
    """

    body: str
    keys: Mapping[str, Any]
    declares: bool = True
    unsaid: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadText:
    """A text that was read; `settings` keep the notations of its blanks that aren't the default.

    `implied` are the keys of its front matter that writing it again would produce anyway.
    """

    body: Body
    settings: Mapping[str, Any]
    implied: frozenset[str]
    remarks: tuple[str, ...]


def read_text(text: str, keys: Mapping[str, Any]) -> ReadText:
    """Read a text, with the keys of its front matter that declare its blanks."""
    declared = declared_in(keys)
    body = read_body(text, declared)
    anew = write_text(Draft((), body.arguments), body.template, {})
    stated = {key: keys[key] for key in (HINT, NAMES) if keys.get(key) is not None}
    if anew.body == text and stated == {key: value for key, value in anew.keys.items() if value}:
        return ReadText(body, {}, frozenset(stated), _remarks(body))
    usual = _usual(declared)
    notations = {
        name: written[0] if len(set(written)) == 1 else written
        for name, written in body.written.items()
        if {usual.get(name)} != set(written)
    }
    return ReadText(body, {BLANKS: notations} if notations else {}, frozenset(), _remarks(body))


def write_text(draft: Draft, text: str, extra: Mapping[str, Any]) -> Text:
    """Write a text as it was read, if its front matter still declares the right arguments.

    Otherwise its arguments are named in `arguments`, or a single one in `argument-hint`.
    """
    template = text if draft.template_format == "simple" else join_parts([text])
    unsaid = [f"the include of '{each}'" for each in template_engine("simple").includes(template)]
    candidate = Text(text, {})
    for candidate in _candidates(draft, template, extra):
        again = read_body(candidate.body, declared_in(dict(extra) | dict(candidate.keys)))
        names = {each.name for each in draft.arguments}
        if comparable(again.template) == comparable(template) and names == {
            each.name for each in again.arguments
        }:
            declares = _says(again.arguments, draft)
            return replace(candidate, declares=declares, unsaid=tuple(unsaid))
    return replace(candidate, declares=False, unsaid=(*unsaid, "'$' and '\\' beside blanks"))


def _candidates(draft: Draft, template: str, extra: Mapping[str, Any]) -> Iterator[Text]:
    """Yield ways to write a text, the best first; one is right if it reads back the same."""
    declared = declared_in(extra)
    usual = _usual(declared)
    stored = _stored_notations(draft.model_config.get(BLANKS))
    used = template_engine("simple").placeholders(template)
    for notations in (_as_lists(usual) | stored, _as_lists(usual)):
        if all(name in notations for name in used):
            yield Text(write_body(template, declared, _in_turn(notations)), {})
    # Words are positional, so those that the file had keep their places.
    known = [*usual_notation(declared)]
    called = {
        each.name: _called(each)
        for each in sorted(draft.arguments, key=lambda each: (*known, each.name).index(each.name))
    }
    hint = " ".join(f"[{name}]" for name in called.values())
    if len(called) == 1 and len(used) == 1:
        alone = Declared((), tuple(called.values()))
        body = write_body(template, alone, lambda name, behind: "$ARGUMENTS")
        yield Text(body, {HINT: hint, NAMES: None})
    named = Declared(tuple(called.values()))
    body = write_body(template, named, _by_name(called))
    yield Text(body, {HINT: hint or None, NAMES: list(called.values())})


def _usual(declared: Declared) -> dict[str, str]:
    """Return the default notation of a file's blanks, by argument name."""
    usual = {f"argument_{number}": f"${number}" for number in range(10)}
    usual[WHOLE] = "$ARGUMENTS"
    if len(declared.hints) == 1 and not declared.names:
        return usual | dict.fromkeys(usual_notation(declared), "$ARGUMENTS")
    return usual | usual_notation(declared)


def _in_turn(notations: Mapping[str, list[str]]) -> Callable[[str, str], str]:
    """Return a writer that uses each blank's notations in turn, and then the last one again."""
    places = dict.fromkeys(notations, 0)

    def write(name: str, behind: str) -> str:
        place = places[name]
        places[name] += 1
        return notations[name][min(place, len(notations[name]) - 1)]

    return write


def _by_name(called: Mapping[str, str]) -> Callable[[str, str], str]:
    """Return a writer of blanks by name, or by number if the next text would join the name."""
    numbers = {name: number for number, name in enumerate(called)}

    def write(name: str, behind: str) -> str:
        return f"$ARGUMENTS[{numbers[name]}]" if joins(behind) else f"${called[name]}"

    return write


def _as_lists(usual: Mapping[str, str]) -> dict[str, list[str]]:
    return {name: [text] for name, text in usual.items()}


def _called(argument: Argument) -> str:
    """Return a file's own word for an argument: its title, if the name follows from that."""
    title = argument.title or ""
    plain = not set(title) & set(" \t$\\[]<>")
    return title if plain and argument_name(title) == argument.name else argument.name


def _stored_notations(value: object) -> dict[str, list[str]]:
    """Return the stored notations, without malformed ones."""
    if not isinstance(value, Mapping):
        return {}
    lists = {name: [each] if isinstance(each, str) else each for name, each in value.items()}
    return {
        name: each
        for name, each in lists.items()
        if isinstance(each, list) and each and all(isinstance(text, str) for text in each)
    }


def _says(read: tuple[Argument, ...], draft: Draft) -> bool:
    """Tell whether reading a text restores everything that its arguments declare.

    That they are required is ignored: every word of a command may be left out.
    """
    plain = {each.name: (each.name, each.title) for each in read}
    return all(
        each == Argument(each.name, title=each.title, required=each.required)
        and each.title in (None, plain[each.name][1])
        for each in draft.arguments
    )


def _remarks(body: Body) -> tuple[str, ...]:
    """Return a remark on the tokens that Claude Code would fill and that are literal here."""
    named = ", ".join(f"'{each}'" for each in body.passed[:_MAX_NAMED])
    are = "are" if len(body.passed) > 1 else "is"
    reason = f"literal, as in code or money: neither '{NAMES}' nor '{HINT}' counts so far"
    return (f"{named} {are} {reason}.",) if named else ()
