"""Words: names in every script, since the parser's own lexer knows no marks (vowel signs, accents).

It gets the expression with a '_' for each mark, which keeps every position; the words are then
taken from the original expression, in the form in which names are compared.
"""

import re
from collections.abc import Iterator

from liquid import stream
from liquid.builtin import output
from liquid.builtin.expressions import tokenize
from liquid.token import TOKEN_WORD, Token

from mcp_server.domain.templates.identifiers import identifier

_MARK = re.compile(r"""("[^"]*"|'[^']*')|[^\x00-\x7f\w\s]""")


def read_all_scripts() -> None:
    """Let the parser read names in every script; it offers no other way to change its lexer."""
    for reader in (stream, output):
        reader.tokenize = _tokenize  # type: ignore[attr-defined]  # both call it


def _tokenize(source: str, parent_token: Token) -> Iterator[Token]:
    if source.isascii():
        yield from tokenize(source, parent_token)
        return
    for token in tokenize(_MARK.sub(_masked, source), parent_token):
        start = token.start_index - parent_token.start_index
        word = source[start : start + len(token.value)]
        yield token._replace(value=identifier(word)) if token.kind == TOKEN_WORD else token


def _masked(match: re.Match[str]) -> str:
    """Return '_' for a mark; quoted texts, and characters that no name has, stay as they are."""
    return "_" if match[1] is None and f"_{match[0]}".isidentifier() else match[0]
