"""Snippets: the part of a text that shows why a search found it."""

import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, islice

MAX_MATCHES = 300
"""Occurrences of query terms that are considered."""

_MARK = "**"
_ELLIPSIS = "…"
_SLACK = 20
"""Characters that a window's edge may move to reach a space."""
_LAST_SPACED = "\u0dff"
"""The last character before the scripts that write without spaces (Thai, Lao, Khmer, CJK)."""

_SMALL_WORDS = frozenset({
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "if", "in", "is", "it", "me",
    "my", "of", "on", "or", "that", "the", "this", "to", "with", "you", "your",
})  # fmt: skip
"""Words that are only looked for if no other term of the query is found."""

Span = tuple[int, int]


def fold(text: str) -> str:
    """Return a text in its form for comparison: without case, accents and compatibility forms."""
    if text.isascii():
        return text.lower()
    return text.translate({ord(character): _fold_character(character) for character in set(text)})


def snippet(text: str, query: str, width: int = 160) -> str:
    """Return about `width` characters of a text around the terms of a query, which are marked.

    White space is collapsed; marks and ellipses come on top of the width. A text without a match
    is cut from its beginning.
    """
    plain = " ".join(text.split())
    spans = _find(plain, query)
    start, end = _window(plain, spans, width)
    shown = [span for span in spans if start <= span[0] and span[1] <= end]
    marked = _marked(plain, _merged(shown), start, end)
    return f"{_ELLIPSIS if start else ''}{marked}{_ELLIPSIS if end < len(plain) else ''}"


@lru_cache(4_096)
def _fold_character(character: str) -> str:
    """Fold until nothing changes: case folding can produce new marks and compatibility forms."""
    folded = character
    while True:
        decomposed = unicodedata.normalize("NFKD", folded)
        bare = "".join(each for each in decomposed if not unicodedata.combining(each)).casefold()
        if bare == folded:
            return folded
        folded = bare


def _offsets(text: str) -> list[int] | None:
    """Return the offset of each character in the folded text; None if no offset changes."""
    if text.isascii():
        return None
    lengths = {character: len(_fold_character(character)) for character in set(text)}
    if all(length == 1 for length in lengths.values()):
        return None
    return list(accumulate((lengths[character] for character in text), initial=0))


def _find(text: str, query: str) -> list[Span]:
    """Return the spans of the query and of its terms in the text, in order."""
    folded, offsets = fold(text), _offsets(text)
    main, small = _terms(query)
    spans = _occurrences(folded, main) or _occurrences(folded, small)
    return [_original(span, offsets) for span in sorted(spans)[:MAX_MATCHES]]


@lru_cache(256)
def _terms(query: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the query with its main words, the longest first, and its small words."""
    phrase = fold(" ".join(query.split()))
    words = dict.fromkeys(re.findall(r"\w+", phrase))
    main = {phrase, *words} - _SMALL_WORDS - {""}
    return tuple(sorted(main, key=len, reverse=True)), tuple(_SMALL_WORDS.intersection(words))


def _occurrences(folded: str, terms: tuple[str, ...]) -> list[Span]:
    """Find each term at the beginning of words; one that never begins a word, anywhere."""
    spans = []
    for term in terms:
        places = [*islice(_beginnings(folded, term), MAX_MATCHES)]
        places = places or [*islice(_places(folded, term), MAX_MATCHES)]
        spans += [(place, place + len(term)) for place in places]
    return spans


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
    """Tell whether a term's script puts spaces between words."""
    return term[0] <= _LAST_SPACED and term[0].isalnum()


def _original(span: Span, offsets: Sequence[int] | None) -> Span:
    """Map a span of the folded text back to the original."""
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
    return _at_space(text, start, end, first, last)


def _best_run(text: str, spans: Sequence[Span], width: int) -> Span:
    """Return the stretch of matches within the width that covers the most distinct terms."""
    best, best_score = (0, 0), (0, 0)
    terms: Counter[str] = Counter()
    distinct = covered = first = 0
    for last, (start, end) in enumerate(spans):
        term = fold(text[start:end])
        distinct += 0 if terms[term] else len(term)
        terms[term] += 1
        covered += end - start
        while first < last and end > spans[first][0] + width:
            left_start, left_end = spans[first]
            left = fold(text[left_start:left_end])
            terms[left] -= 1
            distinct -= 0 if terms[left] else len(left)
            covered -= left_end - left_start
            first += 1
        if (distinct, covered) > best_score:
            reach = min(max(end, spans[first][0]), spans[first][0] + width)
            best, best_score = (spans[first][0], reach), (distinct, covered)
    return best


def _at_space(text: str, start: int, end: int, first: int, last: int) -> Span:
    """Move the edges of a window inward to spaces, if there are any nearby."""
    if start:
        space = text.find(" ", start, min(start + _SLACK, first + 1))
        start = space + 1 if 0 <= space < first else start
    if end < len(text):
        space = text.rfind(" ", max(end - _SLACK, last), end + 1)
        end = space if space > start else end
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
