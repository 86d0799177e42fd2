"""Code in Markdown: a lookalike of a blank there may well be a shell's or awk's."""

import re
from bisect import bisect_right

_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})([^\r\n]*)")
_INDENTED = re.compile(r"(?: {4}|\t)[ \t]*[^\s]")
_TICKS = re.compile(r"`+")
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
Span = tuple[int, int]


class Code:
    """The parts of a Markdown text that are code.

    These are fenced blocks (one that isn't closed reaches to the end), lines after a blank line
    that are indented by four spaces or a tab, and spans between equal runs of backticks within a
    paragraph. Paragraphs of lists that are indented as far count as code, too.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._spans: list[Span] = []
        self._find()
        self._starts = [start for start, _ in self._spans]

    def __contains__(self, place: int) -> bool:
        """Tell whether the character at a place belongs to code."""
        index = bisect_right(self._starts, place) - 1
        return index >= 0 and place < self._spans[index][1]

    def _find(self) -> None:
        fence = ""
        start = paragraph = 0
        indented = True
        for line in _LINES.finditer(self._text):
            opening = _FENCE.match(line[0])
            if fence:
                if opening and _closes(opening, fence):
                    self._spans.append((start, line.end()))
                    fence, paragraph, indented = "", line.end(), True
            elif opening and not (opening[1][0] == "`" and "`" in opening[2]):
                self._find_ticks(paragraph, line.start())
                fence, start = opening[1], line.start()
            elif not line[0].strip():
                self._find_ticks(paragraph, line.start())
                paragraph, indented = line.end(), True
            elif indented and _INDENTED.match(line[0]):
                self._spans.append(line.span())
                paragraph = line.end()
            else:
                indented = False
        if fence:
            self._spans.append((start, len(self._text)))
        else:
            self._find_ticks(paragraph, len(self._text))

    def _find_ticks(self, start: int, end: int) -> None:
        """Find the spans between backticks in a paragraph."""
        runs = [run.span() for run in _TICKS.finditer(self._text, start, end)]
        ends: dict[int, list[int]] = {}
        for index, (begin, stop) in enumerate(runs):
            ends.setdefault(stop - begin, []).append(index)
        index = 0
        while index < len(runs):
            begin, stop = runs[index]
            same = ends[stop - begin]
            later = bisect_right(same, index)
            if later < len(same):
                index = same[later]
                self._spans.append((begin, runs[index][1]))
            index += 1


def _closes(line: re.Match[str], fence: str) -> bool:
    return line[1][0] == fence[0] and len(line[1]) >= len(fence) and not line[2].strip()
