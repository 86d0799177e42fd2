"""Words: names in every script, where the parser's own lexer knows no marks (vowel signs, accents).

It reads an expression in which each mark is a '_', which leaves every place as it is; the words are
then taken from the expression as it is written, in the form in which names are compared.
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
        reader.tokenize = _tokenize  # type: ignore[attr-defined]  # what both call


def _tokenize(source: str, parent_token: Token) -> Iterator[Token]:
    if source.isascii():
        yield from tokenize(source, parent_token)
        return
    for token in tokenize(_MARK.sub(_masked, source), parent_token):
        start = token.start_index - parent_token.start_index
        word = source[start : start + len(token.value)]
        yield token._replace(value=identifier(word)) if token.kind == TOKEN_WORD else token


def _masked(match: re.Match[str]) -> str:
    """Write a mark as '_'; texts in quotes stay, and what is in no name is left to be refused."""
    return "_" if match[1] is None and f"_{match[0]}".isidentifier() else match[0]
