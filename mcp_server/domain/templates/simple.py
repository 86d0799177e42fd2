r"""The format `simple`: `{{argument}}` and `{{> other-prompt}}`, and nothing else.

Whatever isn't a Unicode identifier, or '>' and a reference, in double braces (blanks around them
are allowed) is literal. Of n backslashes directly before such braces n // 2 stay, and an odd n
makes them literal; backslashes anywhere else are only backslashes. So every text can be written,
see `escape`.
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
# What stands behind '>' is read generously: a reference that is misspelt is no literal text.
_PLACEHOLDER = re.compile(
    rf"(?<!\\)(\\*+)(\{{\{{[ \t]*+(?:{NAMED}|>[ \t]*+([^\s{{}}]{{1,200}}+))[ \t]*+\}}\}})"
)
_SHORT = 20_000
_REMEMBERED = 1_000
_TRAILING_BACKSLASHES = re.compile(r"(?<!\\)\\++\Z")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A placeholder to be written; `spaced` puts blanks inside its braces."""

    name: str
    spaced: bool = False

    def __str__(self) -> str:
        return f"{{{{ {self.name} }}}}" if self.spaced else f"{{{{{self.name}}}}}"


@dataclass(frozen=True, slots=True)
class Include:
    """Another prompt's text, to be written; `written` is how it stands in the template."""

    reference: str
    written: str

    def __str__(self) -> str:
        return self.written


Part = str | Placeholder | Include


def check(template: str, /) -> None:
    """Accept every text: what is no placeholder and no include is literal."""


def placeholders(template: str, /) -> tuple[str, ...]:
    """Return the names that the template uses, each once, in order of first use."""
    parts = _parts(template)
    return tuple(dict.fromkeys(part.name for part in parts if isinstance(part, Placeholder)))


def includes(template: str, /) -> Mapping[str, frozenset[str]]:
    """Return the references of `{{> reference}}`, in order of first use; none is given anything."""
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

    What is in a value or an included text stays as it is. An include without a text is literal,
    and so is a name without a value: binding gives each argument one, and a version that was
    written when the name was no identifier yet doesn't have it among its arguments.

    Raises:
        Invalid: the result would have more than `limit` characters.
    """
    written: list[str] = []
    produced = 0
    for part in _fillable(template, values):
        if isinstance(part, str):
            text = part
        elif isinstance(part, Placeholder):
            text = values[part.name]
        else:
            included = partials.filled(part.reference)
            text = part.written if included is None else included
        produced += len(text)
        check_rendered(produced, limit)
        written.append(text)
    return "".join(written)


def parse(template: str, known: Container[str] | None = None) -> list[Part]:
    """Take a template apart into literal texts, as they would be served, and what is filled in.

    Names that aren't `known` are literal; None knows all.
    """
    parts: list[Part] = []
    end = 0
    for match in _found(template):
        backslashes = match[1]
        filled = match[2] if len(backslashes) % 2 == 1 else _filled_in(match)
        if known is not None and isinstance(filled, Placeholder) and filled.name not in known:
            continue
        parts += [template[end : match.start()] + backslashes[: len(backslashes) // 2], filled]
        end = match.end()
    return [*parts, template[end:]]


def _found(template: str) -> Iterator[re.Match[str]]:
    """Find what is a placeholder or an include, or would be one without a backslash."""
    return filter(is_named, _PLACEHOLDER.finditer(template))


def _filled_in(match: re.Match[str]) -> Placeholder | Include:
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
    return _remembered(template) if len(template) <= _SHORT else parse(template)


@lru_cache(_REMEMBERED)
def _remembered(template: str) -> tuple[Part, ...]:
    """Take a template apart only once: looking for placeholders costs more than filling them."""
    return tuple(parse(template))


def join_parts(parts: Iterable[Part]) -> str:
    """Write a template out of literal texts and what is filled in; the reverse of `parse`."""
    written: list[str] = []
    literal = ""
    for part in parts:
        if isinstance(part, str):
            literal += part
            continue
        escaped = escape(literal)
        tail = _TRAILING_BACKSLASHES.search(literal)
        written += [escaped, tail[0] if tail else "", str(part)]
        literal = ""
    return "".join([*written, escape(literal)])


def escape(text: str) -> str:
    """Write a text so that filling it gives it back."""
    return _PLACEHOLDER.sub(
        lambda match: match[1] * 2 + "\\" + match[2] if is_named(match) else match[0], text
    )
