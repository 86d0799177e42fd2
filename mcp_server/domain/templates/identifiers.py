"""Identifiers: valid names of blanks, in every script, and the form in which they are compared.

Names are identifiers as Unicode defines them (UAX #31, and so Python): a letter or '_', then
letters, digits, marks (vowel signs, accents, points) and connectors. They are compared in the
composed form (NFC), since no reader sees which of the two forms an editor wrote. The invisible
joiners U+200C and U+200D aren't part of them: callers couldn't tell such a name from one without
them, and would never give it a value. Neither are the middle dots of Katakana, U+30FB and U+FF65.
Unicode 15.1 allows all four, and so does Python from 3.13 on, but a library has to mean the same
to servers on every version of Python.
"""

import re
from unicodedata import normalize

NAME = r"[\w\x80-\U0010ffff]++"
"""Regular expression for candidates of identifiers; `is_identifier` decides."""
NAMED = rf"(?P<name>{NAME})"
"""The same as a group, for notations where any other name makes literal text: see `is_named`."""
IDENTIFIER = r"^[^\x00-@\[-^`{-\x7f][^\x00-/:-@\[-^`{-\x7f]*$"
"""Regular expression for names that `is_identifier` may accept, valid in JSON Schema.

No pattern tells letters, digits and marks beyond ASCII from others in every dialect, so this one
only excludes ASCII characters. To JavaScript, a range up to U+10FFFF is two halves of a surrogate
pair, so it has none.
"""
JOINERS = "\u200c\u200d"
"""Characters between letters in Persian and Indic scripts that aren't allowed in names."""

_WORD = re.compile(r"[^\W\d]\w*")
_SINCE_UNICODE_15_1 = re.compile(rf"[{JOINERS}\u30fb\uff65]")
# Composing takes quadratic time in a run of marks; valid names are a quarter as long.
_LONGEST = 256


def is_identifier(name: str) -> bool:
    """Tell whether a name can be used in a placeholder, in composed form or not."""
    composed = identifier(name)
    if _SINCE_UNICODE_15_1.search(composed):
        return False
    # Names such as 'x²' are no identifiers in Unicode, but have always been accepted.
    return composed.isidentifier() or _WORD.fullmatch(composed) is not None


def is_named(match: re.Match[str]) -> bool:
    """Tell whether the name in a match of a pattern with `NAMED` is an identifier, or absent."""
    return (
        "name" not in match.re.groupindex or match["name"] is None or is_identifier(match["name"])
    )


def identifier(name: str) -> str:
    """Return a name in the composed form, in which names are compared."""
    return name if name.isascii() or len(name) > _LONGEST else normalize("NFC", name)
