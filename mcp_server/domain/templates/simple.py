"""The format `simple`: `{{argument}}` and `{{> other-prompt}}`, and nothing else.

Double braces are filled if they hold a Unicode identifier, or '>' and a reference, with or without
spaces around it; all other text is literal. Of n backslashes directly before such braces n // 2
stay, and an odd n makes the braces literal; backslashes elsewhere have no special meaning. So every
text can be written, see `escape`.
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from mcp_server.domain.templates.identifiers import NAMED, identifier, is_named
from mcp_server.domain.templates.identifiers import is_identifier as is_identifier
from mcp_server.domain.templates.partials import NO_INCLUDES, NO_PARTIALS, Partials
from mcp_server.domain.texts import check_rendered
from storage.values.entities import Argument

# Both the lookbehind and the possessive `+` keep a long run of backslashes linear.
# Almost anything may follow '>', so that a misspelt reference isn't taken for literal text.
_PLACEHOLDER = re.compile(
    rf"(?<!\\)(\\*+)(\{{\{{[ \t]*+(?:{NAMED}|>[ \t]*+([^\s{{}}]{{1,200}}+))[ \t]*+\}}\}})"
)
_SHORT = 20_000
_CACHED = 1_000
_TRAILING_BACKSLASHES = re.compile(r"(?<!\\)\\++\Z")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A placeholder; `spaced` puts spaces inside its braces."""

    name: str
    spaced: bool = False

    def __str__(self) -> str:
        return f"{{{{ {self.name} }}}}" if self.spaced else f"{{{{{self.name}}}}}"


@dataclass(frozen=True, slots=True)
class Include:
    """An include of another prompt's text; `written` is its notation in the template."""

    reference: str
    written: str

    def __str__(self) -> str:
        return self.written


Part = str | Placeholder | Include


def check(template: str, /) -> None:
    """Accept every text: everything but placeholders and includes is literal."""


def placeholders(template: str, /) -> tuple[str, ...]:
    """Return the names that the template uses, each once, in order of first use."""
    parts = _parts(template)
    return tuple(dict.fromkeys(part.name for part in parts if isinstance(part, Placeholder)))


def includes(template: str, /) -> Mapping[str, frozenset[str]]:
    """Return the references of `{{> reference}}`, in order of first use; they set no arguments."""
    if ">" not in template:
        return NO_INCLUDES
    parts = _parts(template)
    return {part.reference: frozenset() for part in parts if isinstance(part, Include)}


def fill(
    template: str,
    values: Mapping[str, str],
    /,
    *,
    limit: int | None = None,
    partials: Partials = NO_PARTIALS,
    arguments: Sequence[Argument] = (),
    deadline: float | None = None,
) -> str:
    """Return the template with every placeholder replaced by its value, in a single pass.

    Values and included texts are inserted unchanged. An include without a text is literal, and so
    is a name without a value: binding gives each argument one, but a version from before the name
    counted as an identifier doesn't have it among its arguments.

    Raises:
        Invalid: the result would have more than `limit` characters.
    """
    pieces: list[str] = []
    size = 0
    for part in _fillable(template, values):
        if isinstance(part, str):
            text = part
        elif isinstance(part, Placeholder):
            text = values[part.name]
        else:
            included = partials.filled(part.reference)
            text = part.written if included is None else included
        size += len(text)
        check_rendered(size, limit)
        pieces.append(text)
    return "".join(pieces)


def parse(template: str, known: Container[str] | None = None) -> list[Part]:
    """Split a template into literal texts, as they would be served, placeholders and includes.

    Names that aren't `known` are literal; with None, all names are known.
    """
    parts: list[Part] = []
    end = 0
    for match in _matches(template):
        backslashes = match[1]
        part = match[2] if len(backslashes) % 2 == 1 else _filled_part(match)
        if known is not None and isinstance(part, Placeholder) and part.name not in known:
            continue
        parts += [template[end : match.start()] + backslashes[: len(backslashes) // 2], part]
        end = match.end()
    return [*parts, template[end:]]


def _matches(template: str) -> Iterator[re.Match[str]]:
    """Find placeholders and includes, and those that a backslash makes literal."""
    return filter(is_named, _PLACEHOLDER.finditer(template))


def _filled_part(match: re.Match[str]) -> Placeholder | Include:
    _, written, name, reference = match.groups()
    if name is None:
        return Include(reference, written)
    return Placeholder(identifier(name), written[2] in " \t")


def _fillable(template: str, values: Mapping[str, str]) -> Sequence[Part]:
    parts = _parts(template)
    if all(part.name in values for part in parts if isinstance(part, Placeholder)):
        return parts
    return parse(template, values)


def _parts(template: str) -> Sequence[Part]:
    return _cached_parts(template) if len(template) <= _SHORT else parse(template)


@lru_cache(_CACHED)
def _cached_parts(template: str) -> tuple[Part, ...]:
    """Parse a template only once: finding its placeholders costs more than filling them."""
    return tuple(parse(template))


def join_parts(parts: Iterable[Part]) -> str:
    """Write a template from literal texts, placeholders and includes; the reverse of `parse`."""
    pieces: list[str] = []
    literal = ""
    for part in parts:
        if isinstance(part, str):
            literal += part
            continue
        escaped = escape(literal)
        tail = _TRAILING_BACKSLASHES.search(literal)
        pieces += [escaped, tail[0] if tail else "", str(part)]
        literal = ""
    return "".join([*pieces, escape(literal)])


def escape(text: str) -> str:
    """Escape a text so that filling it returns it unchanged."""
    return _PLACEHOLDER.sub(
        lambda match: match[1] * 2 + "\\" + match[2] if is_named(match) else match[0], text
    )
