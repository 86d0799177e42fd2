"""Front matter: YAML between two lines `---` at the beginning of a text."""

import json
import re
from typing import Any

from mcp_server.domain.formats.yaml_text import dump_yaml, load_yaml
from storage.values.errors import Invalid

_OPENING = re.compile(r"---[ \t]*(?:\r\n?|\n)")
_CLOSING = re.compile(r"(?<![^\r\n])---[ \t]*(?:\r\n?|\n|\Z)")
_KEY = re.compile(r"^(?=[\w-]+:(?:[ \t]|$))", re.MULTILINE)
_VALUE = re.compile(r"([\w-]+:[ \t]+)([^\s\"'|>][^\n]*(?:\n(?:[ \t][^\n]*)?)*)")


def has_front_matter(text: str) -> bool:
    """Tell whether a text begins with the opening line of front matter."""
    return _OPENING.match(text.removeprefix("\ufeff")) is not None


def split_front_matter(
    text: str, source: str, *, lenient: bool = False
) -> tuple[dict[str, Any], str]:
    """Split a text into its keys and its body, verbatim from the line after the closing `---`.

    If `lenient`, a value that is no YAML is read as a text, and the other values as usual.

    Raises:
        Invalid: the keys can't be read; the message names the file and the line.
    """
    text = text.removeprefix("\ufeff")
    opening = _OPENING.match(text)
    closing = _CLOSING.search(text, opening.end()) if opening else None
    if opening is None or closing is None:
        missing = "closing" if opening else "opening"
        line = len(text.splitlines()) or 1 if opening else 1
        raise Invalid(
            f"{source}:{line}: the {missing} line '---' of the front matter is missing. "
            "Begin the file with '---', lines such as 'name: my-prompt', and '---' again."
        )
    head = text[opening.end() : closing.start()]
    try:
        keys = load_yaml(head, source, 2)
    except Invalid:
        if not lenient:
            raise
        keys = load_yaml(_mended(head, source), source, 2)
    if not isinstance(keys, dict):
        raise Invalid(
            f"{source}:2: the front matter is no mapping. Write lines such as 'name: my-prompt'."
        )
    return keys, text[closing.end() :]


def with_mark(text: str) -> str:
    """Return a text for a file of its own; a mark it begins with isn't the file's byte order mark.

    Readers drop one mark at the beginning of a file, so a text's own one is written twice.
    """
    return f"\ufeff{text}" if text.startswith("\ufeff") else text


def head_of(text: str) -> tuple[str, str]:
    """Split the beginning of a text into the lines of its front matter and the rest."""
    opening = _OPENING.match(text)
    if opening is None:
        return "", text
    closing = _CLOSING.search(text, opening.end())
    end, start = closing.span() if closing else (len(text), len(text))
    return text[opening.end() : end], text[start:]


def join_front_matter(keys: dict[str, Any], body: str, *, flow: bool = False) -> str:
    """Write keys and a body; empty keys are left out. For `flow` see `dump_yaml`."""
    present = {key: value for key, value in keys.items() if value not in (None, "", [], {})}
    return f"---\n{dump_yaml(present, flow=flow)}---\n{body}"


def _mended(head: str, source: str) -> str:
    """Put quotes around the values of keys that can't be read."""
    return "".join(_quoted(each, source) for each in _KEY.split(head.replace("\r\n", "\n")))


def _quoted(lines: str, source: str) -> str:
    """Return the lines of one key, with its value in quotes if that can't be read."""
    value = _VALUE.fullmatch(lines)
    try:
        load_yaml(lines, source, 1)
    except Invalid:
        if value is None:
            return lines
        words = " ".join(value[2].split())
        # As many lines as before, so that errors elsewhere name the right line.
        return value[1] + json.dumps(words, ensure_ascii=False) + "\n" * lines.count("\n")
    return lines
