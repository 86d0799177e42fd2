"""Blanks as Claude Code writes them in commands and skills.

`$ARGUMENTS` is everything that follows a command, `$ARGUMENTS[N]` and `$N` are one word of it,
counted from 0, and `$name` is a word that the front matter names in `arguments`. One backslash
before them makes them literal. Claude Code fills them wherever they stand; here a `$N` has to be
meant as a blank:

- `arguments` and `argument-hint` speak of as many words as they name (a hint, which may have been
  written when commands counted from 1, of one more). Those are blanks, in code too, unless a text
  takes everything as `$ARGUMENTS` and no single word outside of its code.
- Any other `$N` is a blank outside of code, where it has one digit and is no amount of money.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mcp_server.domain.arguments import MAX_ARGUMENT_NAME
from mcp_server.domain.formats.markdown_code import Code
from mcp_server.domain.templates.identifiers import identifier, is_identifier
from mcp_server.domain.templates.simple import Include, Part, Placeholder, join_parts, parse
from storage.values.entities import Argument

WHOLE = "arguments"
"""The name of an argument that is everything, where nothing else names it."""
_HINT = re.compile(r"[\[<]([^\[\]<>]*)[\]>]")
_MONEY = re.compile(r"[.,][0-9]|[-–]\$?[0-9]")
_LONGEST_HINT = 40
_JOINS = re.compile(r"[\w\[-]")


@dataclass(frozen=True)
class Declared:
    """What front matter says of a text's blanks: `names` for `$name`, and `hints` by position."""

    names: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()

    @cached_property
    def tokens(self) -> re.Pattern[str]:
        """What may be a blank: 1 its backslash, 2 an index, 3 everything, 4 a name, 5 a number."""
        names = "|".join(re.escape(name) for name in sorted(self.names, key=len, reverse=True))
        named = rf"({names})(?![\w\[])" if names else "(?!)()"
        return re.compile(
            rf"((?<!\\)\\)?\$(?:ARGUMENTS\[([0-9]{{1,3}})\]|(ARGUMENTS)(?!\w)|{named}"
            r"|([0-9]{1,3})(?!\w))",
            re.ASCII,
        )


def declared_in(keys: Mapping[str, Any]) -> Declared:
    """Return what the keys `arguments` and `argument-hint` say; no value of theirs is a fault."""
    return Declared(_names_in(keys.get("arguments")), _hints_in(keys.get("argument-hint")))


def are_names(value: object) -> bool:
    """Tell whether a value of `arguments` is a list of names, or names in one text."""
    return bool(value) and (
        isinstance(value, str)
        or (isinstance(value, list) and all(isinstance(each, str) for each in value))
    )


@dataclass(frozen=True, slots=True)
class Body:
    """A text with its blanks read; `written` are these as they stood there, by their names.

    `passed` are those that Claude Code would fill and that were taken for code or money.
    """

    template: str
    arguments: tuple[Argument, ...]
    written: Mapping[str, list[str]] = field(default_factory=dict)
    passed: tuple[str, ...] = ()


def read_body(text: str, declared: Declared) -> Body:
    """Read the blanks of a text; all of them are optional, as words of a command are."""
    code = Code(text)
    found = list(declared.tokens.finditer(text))
    rule = _Rule.of(declared, [each for each in found if not each[1]], code)
    blanks = [each for each in found if rule.admits(each, in_code=each.start() in code)]
    names = _Names.of(declared, [each for each in blanks if not each[1]])
    written: dict[str, list[str]] = {}
    parts: list[Part] = []
    end = 0
    for each in blanks:
        parts.append(text[end : each.start()])
        end = each.end()
        if each[1]:
            parts.append(each[0][1:])
        else:
            name = names.of_token(each)
            written.setdefault(name, []).append(each[0])
            parts.append(Placeholder(name))
    taken = {each.start() for each in blanks}
    passed = [each[0] for each in found if not each[1] and each.start() not in taken]
    return Body(
        join_parts([*parts, text[end:]]),
        names.arguments(),
        written,
        tuple(dict.fromkeys(passed)),
    )


def write_body(template: str, declared: Declared, notation: Callable[[str, str], str]) -> str:
    """Write a template, its blanks as `notation` says them by their name and what stands behind.

    What else would be read as a blank gets a backslash.
    """
    text, places = _assembled(template, notation)
    code = Code(text)
    found = list(declared.tokens.finditer(text))
    taken = {place for start, end in places for place in range(start, end)}
    rule = _Rule.of(declared, [each for each in found if each.start() in taken], code)
    pieces: list[str] = []
    end = 0
    for each in found:
        literal = taken.isdisjoint(range(*each.span())) and not each[1]
        if literal and rule.admits(each, in_code=each.start() in code):
            pieces += [text[end : each.start()], "\\"]
            end = each.start()
    return "".join([*pieces, text[end:]])


def usual_notation(declared: Declared) -> dict[str, str]:
    """Return how the blanks of what is declared are written, by the names of their arguments."""
    words = _Names.of(declared, []).words
    if declared.names:
        return {words[number]: f"${name}" for number, name in enumerate(declared.names)}
    return {name: f"${number}" for number, name in words.items()}


def argument_name(hint: str) -> str | None:
    """Make the name of an argument out of how a file calls it; None where it is no name."""
    plain = identifier(hint.strip())
    name = plain if is_identifier(plain) else re.sub(r"\W+", "_", plain).strip("_")
    fits = is_identifier(name) and len(name) <= min(_LONGEST_HINT, MAX_ARGUMENT_NAME)
    return name if fits else None


def joins(behind: str) -> bool:
    """Tell whether a text would become part of a `$name` or `$N` that stands before it."""
    return _JOINS.match(behind) is not None


def comparable(template: str) -> list[str | tuple[str]]:
    """Return what a template says, where an include is but its text."""
    parts: list[str | tuple[str]] = [""]
    for part in parse(template):
        if isinstance(part, Placeholder):
            parts += [(part.name,), ""]
        else:
            text = part.written if isinstance(part, Include) else part
            parts[-1] = f"{parts[-1]}{text}"
    return parts


@dataclass(frozen=True, slots=True)
class _Rule:
    """Says which tokens of a text are blanks; it is made of those that surely are."""

    declared: Declared
    in_code_too: bool

    @classmethod
    def of(cls, declared: Declared, tokens: Iterable[re.Match[str]], code: Code) -> "_Rule":
        whole = False
        singly = False
        outside = cls(declared, False)
        for each in tokens:
            whole |= each[3] is not None
            single = each[2] is not None or each[5] is not None
            singly |= single and outside.admits(each, in_code=each.start() in code)
        return cls(declared, bool(declared.names) or singly or not whole)

    def admits(self, token: re.Match[str], *, in_code: bool) -> bool:
        if token[5] is None:
            return True
        number = int(token[5])
        names, hints = self.declared.names, self.declared.hints
        if number < len(names) or (hints and number <= len(hints)):
            return self.in_code_too or not in_code
        behind = token.string[token.end() : token.end() + 3]
        return not in_code and len(token[5]) == 1 and not _MONEY.match(behind)


@dataclass(frozen=True, slots=True)
class _Names:
    """The names of a text's blanks: of words by their number, and of everything.

    `used` are the numbers that the text has, `called` how its file calls what has which name.
    """

    declared: Declared
    words: Mapping[int, str]
    whole: str | None
    used: Collection[int]
    called: Mapping[str, str]

    @classmethod
    def of(cls, declared: Declared, tokens: Sequence[re.Match[str]]) -> "_Names":
        numbers = {int(each[5]) for each in tokens if each[5]}
        indexed = {int(each[2]) for each in tokens if each[2]}
        whole = any(each[3] for each in tokens)
        used = numbers | indexed
        alone = whole and not used and len(declared.hints) == 1 and not declared.names
        first = 0 if declared.names else _first(declared, numbers, indexed)
        hints = () if alone else declared.names or declared.hints
        called: dict[str, str] = {}
        words = {
            number: _take(called, hint, f"argument_{number}")
            for number, hint in enumerate(hints, first)
        }
        words |= {
            number: _take(called, f"argument_{number}", "")
            for number in sorted(used - words.keys())
        }
        everything = declared.hints[0] if alone else WHOLE
        name = _take(called, everything, WHOLE) if whole else None
        return cls(declared, words, name, used | set(range(len(declared.names))), called)

    def of_token(self, token: re.Match[str]) -> str:
        if token[3]:
            return self.whole or WHOLE
        number = self.declared.names.index(token[4]) if token[4] else int(token[2] or token[5])
        return self.words[number]

    def arguments(self) -> tuple[Argument, ...]:
        names = [name for number, name in sorted(self.words.items()) if number in self.used]
        names += [self.whole] if self.whole else []
        return tuple(
            Argument(name, title=_title(name, self.called[name]), required=False) for name in names
        )


def _first(declared: Declared, numbers: set[int], indexed: set[int]) -> int:
    """Return the number of the first word: 1 where a text counts past its hints, and has no 0."""
    past = bool(numbers) and max(numbers) >= len(declared.hints)
    return 1 if past and 0 not in numbers and not indexed else 0


def _take(taken: dict[str, str], called: str, otherwise: str) -> str:
    """Return a name that isn't taken yet, and take it for what a file calls it."""
    name = argument_name(called) or otherwise
    while name in taken:
        name += "_"
    taken[name] = called
    return name


def _title(name: str, called: str) -> str | None:
    title = " ".join(called.split())
    shows = title.isprintable() and len(title) <= 2 * _LONGEST_HINT
    return title if title and shows and title != name else None


def _names_in(value: Any) -> tuple[str, ...]:
    if not are_names(value):
        return ()
    words = value.split() if isinstance(value, str) else [each.strip() for each in value]
    names = [word for word in words if argument_name(word) and not re.search(r"[\s$\\]", word)]
    return tuple(dict.fromkeys(names))


def _hints_in(value: object) -> tuple[str, ...]:
    """Return what a hint has in brackets, the items of a list, or its one word."""
    texts = value if isinstance(value, list) else [value]
    words = [str(each).strip() for each in texts if isinstance(each, str | int | float)]
    bracketed = [hint for word in words for hint in _HINT.findall(word)]
    return tuple(bracketed or (word for word in words if word and not re.search(r"\s", word)))


def _assembled(
    template: str, notation: Callable[[str, str], str]
) -> tuple[str, list[tuple[int, int]]]:
    """Write a template; returns the text, and where its blanks stand."""
    parts = list(parse(template))
    written: list[str] = []
    places: list[tuple[int, int]] = []
    size = 0
    for index, part in enumerate(parts):
        match part:
            case Placeholder():
                behind = next((str(each) for each in parts[index + 1 :] if str(each)), "")
                text = notation(part.name, behind)
                places.append((size, size + len(text)))
            case Include():
                text = part.written
            case _:
                text = part
        written.append(text)
        size += len(text)
    return "".join(written), places
