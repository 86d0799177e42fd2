"""Blanks in the notation of Claude Code's commands and skills.

`$ARGUMENTS` is everything that follows a command, `$ARGUMENTS[N]` and `$N` are one word of it,
counted from 0, and `$name` is a word that the front matter names in `arguments`. One backslash
before them makes them literal. Claude Code fills them everywhere; here a `$N` has to be meant as a
blank:

- `arguments` and `argument-hint` declare as many words as they name (a hint, which may date from
  when commands counted from 1, declares one more). Those are blanks, in code too, unless a text
  uses `$ARGUMENTS` and no single word outside of its code.
- Any other `$N` is a blank outside of code if it has one digit and isn't an amount of money.
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
"""The default name of the argument for `$ARGUMENTS`."""
_HINT = re.compile(r"[\[<]([^\[\]<>]*)[\]>]")
_MONEY = re.compile(r"[.,][0-9]|[-–]\$?[0-9]")
_LONGEST_HINT = 40
_JOINS = re.compile(r"[\w\[-]")


@dataclass(frozen=True)
class Declared:
    """The blanks that front matter declares: `names` for `$name`, and `hints` by position."""

    names: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()

    @cached_property
    def tokens(self) -> re.Pattern[str]:
        """The pattern of candidates: 1 backslash, 2 index, 3 `ARGUMENTS`, 4 name, 5 number."""
        names = "|".join(re.escape(name) for name in sorted(self.names, key=len, reverse=True))
        named = rf"({names})(?![\w\[])" if names else "(?!)()"
        return re.compile(
            rf"((?<!\\)\\)?\$(?:ARGUMENTS\[([0-9]{{1,3}})\]|(ARGUMENTS)(?!\w)|{named}"
            r"|([0-9]{1,3})(?!\w))",
            re.ASCII,
        )


def declared_in(keys: Mapping[str, Any]) -> Declared:
    """Read the keys `arguments` and `argument-hint`; values that make no sense are ignored."""
    return Declared(_names_in(keys.get("arguments")), _hints_in(keys.get("argument-hint")))


def are_names(value: object) -> bool:
    """Tell whether a value of `arguments` is a list of names, or names in one text."""
    return bool(value) and (
        isinstance(value, str)
        or (isinstance(value, list) and all(isinstance(each, str) for each in value))
    )


@dataclass(frozen=True, slots=True)
class Body:
    """A text with its blanks read; `written` are their notations in the text, by argument name.

    `passed` are those that Claude Code would fill and that were taken for code or money.
    """

    template: str
    arguments: tuple[Argument, ...]
    written: Mapping[str, list[str]] = field(default_factory=dict)
    passed: tuple[str, ...] = ()


def read_body(text: str, declared: Declared) -> Body:
    """Read the blanks of a text; all of them are optional, as words of a command are."""
    code = Code(text)
    tokens = list(declared.tokens.finditer(text))
    rule = _Rule.of(declared, [each for each in tokens if not each[1]], code)
    blanks = [each for each in tokens if rule.admits(each, in_code=each.start() in code)]
    names = _Names.of(declared, [each for each in blanks if not each[1]])
    notations: dict[str, list[str]] = {}
    parts: list[Part] = []
    end = 0
    for each in blanks:
        parts.append(text[end : each.start()])
        end = each.end()
        if each[1]:
            parts.append(each[0][1:])
        else:
            name = names.of_token(each)
            notations.setdefault(name, []).append(each[0])
            parts.append(Placeholder(name))
    starts = {each.start() for each in blanks}
    passed = [each[0] for each in tokens if not each[1] and each.start() not in starts]
    return Body(
        join_parts([*parts, text[end:]]),
        names.arguments(),
        notations,
        tuple(dict.fromkeys(passed)),
    )


def write_body(template: str, declared: Declared, notation: Callable[[str, str], str]) -> str:
    """Write a template; `notation` writes each blank, given its name and the text behind it.

    Literal text that would be read as a blank gets a backslash.
    """
    text, places = _assemble(template, notation)
    code = Code(text)
    tokens = list(declared.tokens.finditer(text))
    covered = {place for start, end in places for place in range(start, end)}
    rule = _Rule.of(declared, [each for each in tokens if each.start() in covered], code)
    pieces: list[str] = []
    end = 0
    for each in tokens:
        literal = covered.isdisjoint(range(*each.span())) and not each[1]
        if literal and rule.admits(each, in_code=each.start() in code):
            pieces += [text[end : each.start()], "\\"]
            end = each.start()
    return "".join([*pieces, text[end:]])


def usual_notation(declared: Declared) -> dict[str, str]:
    """Return the default notation of the declared blanks, by argument name."""
    words = _Names.of(declared, []).words
    if declared.names:
        return {words[number]: f"${name}" for number, name in enumerate(declared.names)}
    return {name: f"${number}" for number, name in words.items()}


def argument_name(hint: str) -> str | None:
    """Make an argument's name from a file's own word for it; None if that yields no name."""
    plain = identifier(hint.strip())
    name = plain if is_identifier(plain) else re.sub(r"\W+", "_", plain).strip("_")
    fits = is_identifier(name) and len(name) <= min(_LONGEST_HINT, MAX_ARGUMENT_NAME)
    return name if fits else None


def joins(behind: str) -> bool:
    """Tell whether a text would become part of a `$name` or `$N` directly before it."""
    return _JOINS.match(behind) is not None


def comparable(template: str) -> list[str | tuple[str]]:
    """Return a template for comparison: literal text, with placeholders as tuples between."""
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
    """Decides which tokens of a text are blanks."""

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
    """The argument names for a text's blanks: `words` by their number, and `whole` for everything.

    `used` are the numbers of words in the text, `called` the file's own word for each name.
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
    """Return the number of the first word: 1 if a text counts past its hints and has no 0."""
    past = bool(numbers) and max(numbers) >= len(declared.hints)
    return 1 if past and 0 not in numbers and not indexed else 0


def _take(taken: dict[str, str], called: str, otherwise: str) -> str:
    """Reserve a free argument name for a file's own word, and return it."""
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
    """Return the words in brackets of a hint, the items of a list, or the only word."""
    texts = value if isinstance(value, list) else [value]
    words = [str(each).strip() for each in texts if isinstance(each, str | int | float)]
    bracketed = [hint for word in words for hint in _HINT.findall(word)]
    return tuple(bracketed or (word for word in words if word and not re.search(r"\s", word)))


def _assemble(
    template: str, notation: Callable[[str, str], str]
) -> tuple[str, list[tuple[int, int]]]:
    """Write a template; return the text and the spans of its blanks."""
    parts = list(parse(template))
    pieces: list[str] = []
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
        pieces.append(text)
        size += len(text)
    return "".join(pieces), places
