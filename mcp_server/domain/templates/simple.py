r"""The format `simple`: `{{argument}}`, and nothing else.

Whatever isn't a Unicode identifier in double braces (blanks around it are allowed) is literal. Of n
backslashes directly before a placeholder n // 2 stay, and an odd n makes the placeholder literal;
backslashes anywhere else are only backslashes. So every text can be written, see `escape`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from mcp_server.domain.texts import check_rendered

# Both the lookbehind and the possessive `+` keep a long run of backslashes linear.
_PLACEHOLDER = re.compile(r"(?<!\\)(\\*+)(\{\{[ \t]*+([^\W\d]\w*+)[ \t]*+\}\})")
_SHORT = 20_000
_REMEMBERED = 1_000
_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_TRAILING_BACKSLASHES = re.compile(r"(?<!\\)\\++\Z")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A placeholder to be written; `spaced` puts blanks inside its braces."""

    name: str
    spaced: bool = False

    def __str__(self) -> str:
        return f"{{{{ {self.name} }}}}" if self.spaced else f"{{{{{self.name}}}}}"


def is_identifier(name: str) -> bool:
    """Tell whether a name can stand in a placeholder."""
    return _IDENTIFIER.fullmatch(name) is not None


def placeholders(template: str, /) -> tuple[str, ...]:
    """Return the names that the template uses, each once, in order of first use."""
    found = _PLACEHOLDER.finditer(template)
    return tuple(dict.fromkeys(match[3] for match in found if len(match[1]) % 2 == 0))


def fill(template: str, values: Mapping[str, str], /, *, limit: int | None = None) -> str:
    """Return the template with every placeholder replaced by its value, in a single pass.

    Raises:
        Invalid: the result would have more than `limit` characters.
        KeyError: a placeholder has no value; binding arguments gives every one of them its value.
    """
    parts = _remembered(template) if len(template) <= _SHORT else parse(template)
    written: list[str] = []
    produced = 0
    for part in parts:
        text = part if isinstance(part, str) else values[part.name]
        produced += len(text)
        check_rendered(produced, limit)
        written.append(text)
    return "".join(written)


def parse(template: str) -> list[str | Placeholder]:
    """Take a template apart into literal texts, as they would be served, and placeholders."""
    parts: list[str | Placeholder] = []
    end = 0
    for match in _PLACEHOLDER.finditer(template):
        backslashes, placeholder, name = match.groups()
        parts.append(template[end : match.start()] + backslashes[: len(backslashes) // 2])
        literal = len(backslashes) % 2 == 1
        parts.append(placeholder if literal else Placeholder(name, placeholder[2] in " \t"))
        end = match.end()
    return [*parts, template[end:]]


@lru_cache(_REMEMBERED)
def _remembered(template: str) -> tuple[str | Placeholder, ...]:
    """Take a template apart only once: looking for placeholders costs more than filling them."""
    return tuple(parse(template))


def compose(parts: Iterable[str | Placeholder]) -> str:
    """Write a template out of literal texts and placeholders; the reverse of `parse`."""
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
    return _PLACEHOLDER.sub(lambda match: match[1] * 2 + "\\" + match[2], text)
