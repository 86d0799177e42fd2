"""Identifiers: what a blank may be called, in every script, and when two names are one.

Names are identifiers as Unicode has them (UAX #31, and so Python): a letter or '_', then letters,
digits, marks (vowel signs, accents, points) and connectors. They are compared in the composed form
(NFC), since no reader sees which of the two forms an editor wrote. The invisible joiners U+200C and
U+200D aren't part of them: a name that nobody can tell from another would be asked for, and never
be given. Neither are the middle dots of Katakana, U+30FB and U+FF65. Unicode 15.1 counts all four,
and so does Python from 3.13 on: one library has to mean the same to servers of each Python.
"""

import re
from unicodedata import normalize

NAME = r"[\w\x80-\U0010ffff]++"
"""A regular expression for all that might be an identifier; `is_identifier` tells whether it is."""
NAMED = rf"(?P<name>{NAME})"
"""The same as a group, for notations in which what is no identifier is literal: see `is_named`."""
IDENTIFIER = r"^[^\x00-@\[-^`{-\x7f][^\x00-/:-@\[-^`{-\x7f]*$"
"""What `is_identifier` takes, as a regular expression that JSON Schema knows.

Which characters beyond ASCII are letters, digits or marks, no pattern says to every reader: so what
of ASCII is none is left out. A range up to U+10FFFF is two halves of a pair to JavaScript.
"""
JOINERS = "\u200c\u200d"
"""What is written between letters in Persian and Indic scripts, and is no part of a name."""

_WORD = re.compile(r"[^\W\d]\w*")
_SINCE_UNICODE_15_1 = re.compile(rf"[{JOINERS}\u30fb\uff65]")
# Composing takes the square of a run of marks; a name that can be used is a quarter as long.
_LONGEST = 256


def is_identifier(name: str) -> bool:
    """Tell whether a name can stand in a placeholder, in whichever form it is written."""
    composed = identifier(name)
    if _SINCE_UNICODE_15_1.search(composed):
        return False
    # Letters and numbers such as in 'x²', which Unicode leaves out, were always taken.
    return composed.isidentifier() or _WORD.fullmatch(composed) is not None


def is_named(match: re.Match[str]) -> bool:
    """Tell whether what a pattern with `NAMED` found has an identifier for its name, or no name."""
    return (
        "name" not in match.re.groupindex or match["name"] is None or is_identifier(match["name"])
    )


def identifier(name: str) -> str:
    """Return a name in the form in which names are compared."""
    return name if name.isascii() or len(name) > _LONGEST else normalize("NFC", name)
