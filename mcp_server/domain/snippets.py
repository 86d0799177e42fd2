"""Snippets: the part of a text that shows why a search found it."""

import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, islice

MAX_MATCHES = 300
"""Places of query terms that are weighed against each other."""

_MARK = "**"
_ELLIPSIS = "…"
_SLACK = 20
"""Characters that a window's edge may move to reach a blank."""
_LAST_SPACED = "\u0dff"
"""The last character before the scripts that write without spaces (Thai, Lao, Khmer, CJK)."""

_SMALL_WORDS = frozenset({
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "if", "in", "is", "it", "me",
    "my", "of", "on", "or", "that", "the", "this", "to", "with", "you", "your",
})  # fmt: skip
"""Words that show nothing, unless the query has no others."""

Span = tuple[int, int]


def fold(text: str) -> str:
    """Return a text as it is compared: without case, accents and compatibility forms."""
    if text.isascii():
        return text.lower()
    return text.translate({ord(character): _fold_character(character) for character in set(text)})


def snippet(text: str, query: str, width: int = 160) -> str:
    """Return about `width` characters of a text around the terms of a query, which are marked.

    White space is collapsed; marks and ellipses come on top of the width. A text in which nothing
    matches is cut from its beginning.
    """
    plain = " ".join(text.split())
    spans = _find(plain, query)
    start, end = _window(plain, spans, width)
    shown = [span for span in spans if start <= span[0] and span[1] <= end]
    marked = _marked(plain, _merged(shown), start, end)
    return f"{_ELLIPSIS if start else ''}{marked}{_ELLIPSIS if end < len(plain) else ''}"


@lru_cache(4_096)
def _fold_character(character: str) -> str:
    """Fold until nothing changes: a case folding may bring up marks and forms of its own."""
    folded = character
    while True:
        decomposed = unicodedata.normalize("NFKD", folded)
        bare = "".join(each for each in decomposed if not unicodedata.combining(each)).casefold()
        if bare == folded:
            return folded
        folded = bare


def _offsets(text: str) -> list[int] | None:
    """Return where each character of a text begins in its folding; None where nothing moves."""
    if text.isascii():
        return None
    lengths = {character: len(_fold_character(character)) for character in set(text)}
    if all(length == 1 for length in lengths.values()):
        return None
    return list(accumulate((lengths[character] for character in text), initial=0))


def _find(text: str, query: str) -> list[Span]:
    """Return where the query and each of its terms stand in the text, in order."""
    folded, offsets = fold(text), _offsets(text)
    telling, small = _terms(query)
    found = _occurrences(folded, telling) or _occurrences(folded, small)
    return [_original(span, offsets) for span in sorted(found)[:MAX_MATCHES]]


@lru_cache(256)
def _terms(query: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the query with its telling words, the longest first, and its small words."""
    phrase = fold(" ".join(query.split()))
    words = dict.fromkeys(re.findall(r"\w+", phrase))
    telling = {phrase, *words} - _SMALL_WORDS - {""}
    return tuple(sorted(telling, key=len, reverse=True)), tuple(_SMALL_WORDS.intersection(words))


def _occurrences(folded: str, terms: tuple[str, ...]) -> list[Span]:
    """Find terms where words begin; those that never begin one, anywhere."""
    found = []
    for term in terms:
        places = [*islice(_beginnings(folded, term), MAX_MATCHES)]
        places = places or [*islice(_places(folded, term), MAX_MATCHES)]
        found += [(place, place + len(term)) for place in places]
    return found


def _beginnings(folded: str, term: str) -> Iterator[int]:
    if _is_spaced(term):
        for place in _places(folded, term):
            if place == 0 or not _is_of_word(folded[place - 1]):
                yield place


def _places(folded: str, term: str) -> Iterator[int]:
    place = folded.find(term)
    while place >= 0:
        yield place
        place = folded.find(term, place + 1)


def _is_of_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _is_spaced(term: str) -> bool:
    """Tell whether a term is of a script that puts spaces between words."""
    return term[0] <= _LAST_SPACED and term[0].isalnum()


def _original(span: Span, offsets: Sequence[int] | None) -> Span:
    """Map a span of the folding to the characters that it came from."""
    if offsets is None:
        return span
    start = bisect_right(offsets, span[0]) - 1
    end = bisect_right(offsets, span[1]) - 1
    return start, end if offsets[end] == span[1] else end + 1


def _window(text: str, spans: Sequence[Span], width: int) -> Span:
    """Choose the window that shows most of the query, with some text before it."""
    if len(text) <= width:
        return 0, len(text)
    first, last = _best_run(text, spans, width)
    room = width - (last - first)
    start = max(0, min(first - room // 3, len(text) - width))
    end = min(len(text), start + width)
    return _at_blank(text, start, end, first, last)


def _best_run(text: str, spans: Sequence[Span], width: int) -> Span:
    """Return the stretch of matches that fits the width and holds the most different terms."""
    best, best_score = (0, 0), (0, 0)
    terms: Counter[str] = Counter()
    told = covered = first = 0
    for last, (start, end) in enumerate(spans):
        term = fold(text[start:end])
        told += 0 if terms[term] else len(term)
        terms[term] += 1
        covered += end - start
        while first < last and end > spans[first][0] + width:
            left_start, left_end = spans[first]
            left = fold(text[left_start:left_end])
            terms[left] -= 1
            told -= 0 if terms[left] else len(left)
            covered -= left_end - left_start
            first += 1
        if (told, covered) > best_score:
            reach = min(max(end, spans[first][0]), spans[first][0] + width)
            best, best_score = (spans[first][0], reach), (told, covered)
    return best


def _at_blank(text: str, start: int, end: int, first: int, last: int) -> Span:
    """Move the edges of a window inward to blanks, where there are any close by."""
    if start:
        blank = text.find(" ", start, min(start + _SLACK, first + 1))
        start = blank + 1 if 0 <= blank < first else start
    if end < len(text):
        blank = text.rfind(" ", max(end - _SLACK, last), end + 1)
        end = blank if blank > start else end
    return start, end


def _merged(spans: Sequence[Span]) -> list[Span]:
    """Join spans that overlap or touch."""
    merged: list[Span] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _marked(text: str, spans: Sequence[Span], start: int, end: int) -> str:
    parts = []
    position = start
    for begin, stop in spans:
        parts += [text[position:begin], _MARK, text[begin:stop], _MARK]
        position = stop
    return "".join([*parts, text[position:end]])
