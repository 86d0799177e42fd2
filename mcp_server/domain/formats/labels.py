"""Placeholders as prompts.chat writes them: `${label}` and `${label:default}`."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from mcp_server.domain.arguments import MAX_ARGUMENT_NAME
from mcp_server.domain.templates.identifiers import identifier, is_identifier
from mcp_server.domain.templates.simple import Part, Placeholder, join_parts, parse
from storage.values.entities import Argument

MAX_LABEL = 64

_CANDIDATE = re.compile(rf"\$\{{([^${{}}:\n]{{1,{MAX_LABEL}}}+)(?::([^{{}}]*+))?\}}")
_PUNCTUATION = " _-'/"


@dataclass(frozen=True, slots=True)
class _Blank:
    """One `${…}` of a text; `default` is None if it has none."""

    label: str
    default: str | None


def read_placeholders(text: str) -> tuple[str, tuple[Argument, ...]]:
    """Return a `simple` template that means the same, and its arguments.

    A label with two defaults becomes two arguments. Where a label that has a default occurs again
    without it, that placeholder is written with spaces inside its braces.
    """
    pieces = list(_split(text))
    blanks = list(dict.fromkeys(piece for piece in pieces if isinstance(piece, _Blank)))
    defaulted = {blank.label: blank for blank in reversed(blanks) if blank.default is not None}
    declared = [
        blank for blank in blanks if blank.default is not None or blank.label not in defaulted
    ]
    names = _name_blanks(declared)
    parts: list[Part] = []
    for piece in pieces:
        if isinstance(piece, str):
            parts.append(piece)
        elif piece in names:
            parts.append(Placeholder(names[piece]))
        else:
            parts.append(Placeholder(names[defaulted[piece.label]], spaced=True))
    return join_parts(parts), tuple(_argument(blank, names[blank]) for blank in declared)


def write_placeholders(template: str, arguments: Sequence[Argument]) -> str:
    """Write a `simple` template in this notation.

    A default with braces in it can't be written and is left out.
    """
    pieces = parse(template)
    labels = _labels(arguments)
    defaults = {argument.name: argument.default for argument in arguments}
    closed = {piece.name for piece in pieces if isinstance(piece, Placeholder) and not piece.spaced}
    output = []
    for piece in pieces:
        if not isinstance(piece, Placeholder):
            output.append(str(piece))
            continue
        label, default = labels.get(piece.name, piece.name), defaults.get(piece.name)
        repeated = piece.spaced and piece.name in closed
        bare = default is None or repeated or "{" in default or "}" in default
        output.append(f"${{{label}}}" if bare else f"${{{label}:{default}}}")
    return "".join(output)


def _split(text: str) -> Iterator[str | _Blank]:
    end = 0
    for match in _CANDIDATE.finditer(text):
        if _is_label(match[1]):
            yield text[end : match.start()]
            yield _Blank(match[1], match[2])
            end = match.end()
    yield text[end:]


def _is_label(label: str) -> bool:
    """Tell a label from code: letters and digits of any script, a letter or '_' first."""
    first = unicodedata.category(label[0])[0] == "L" or label[0] == "_"
    return first and all(
        character in _PUNCTUATION or unicodedata.category(character)[0] in "LNM"
        for character in label
    )


def _name_blanks(blanks: Sequence[_Blank]) -> dict[_Blank, str]:
    """Give each blank a distinct identifier; labels that are identifiers are kept if possible."""
    names: dict[_Blank, str] = {}
    taken: set[str] = set()
    for blank in blanks:
        name = identifier(blank.label)
        if is_identifier(name) and name not in taken:
            taken.add(name)
            names[blank] = name
    for blank in blanks:
        if blank not in names:
            names[blank] = _free_identifier(_identifier(blank.label), taken)
            taken.add(names[blank])
    return names


def _free_identifier(base: str, taken: set[str]) -> str:
    if base not in taken:
        return base
    return next(name for n in count(2) if (name := f"{base}_{n}") not in taken)


def _identifier(label: str) -> str:
    """Return a label in snake_case."""
    if is_identifier(label):
        return identifier(label)
    text = identifier(label).replace("'", "").lower()
    spaced = "".join(each if f"_{each}".isidentifier() else " " for each in text)
    name = re.sub(" +", "_", spaced).strip("_")[: MAX_ARGUMENT_NAME - 8]
    return name if is_identifier(name) else f"argument_{name}".rstrip("_")


def _argument(blank: _Blank, name: str) -> Argument:
    title = None if name == blank.label else blank.label
    return Argument(name, title=title, required=blank.default is None, default=blank.default)


def _labels(arguments: Sequence[Argument]) -> Mapping[str, str]:
    """Choose a label for each argument: its title where that reads back as the same argument."""
    labels: dict[str, str] = {}
    for argument in arguments:
        title = argument.title or argument.name
        labels[argument.name] = title if _is_writable(title) else argument.name
    uses: dict[str, list[str | None]] = {}
    for argument in arguments:
        uses.setdefault(labels[argument.name], []).append(argument.default)
    return {name: label if _tells_apart(uses[label]) else name for name, label in labels.items()}


def _is_writable(label: str) -> bool:
    match = _CANDIDATE.fullmatch(f"${{{label}}}")
    return match is not None and match[2] is None and _is_label(label)


def _tells_apart(defaults: Sequence[str | None]) -> bool:
    """Tell whether arguments that share a label differ by their defaults."""
    return len(defaults) == 1 or (None not in defaults and len(set(defaults)) == len(defaults))
