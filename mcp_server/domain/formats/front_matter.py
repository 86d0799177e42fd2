"""Front matter: YAML between two lines `---` at the beginning of a text."""

import json
import re
from typing import Any

from mcp_server.domain.formats.yaml_text import dump_yaml, load_yaml
from storage.errors import Invalid

_OPENING = re.compile(r"---[ \t]*\r?\n")
_CLOSING = re.compile(r"^---[ \t]*(?:\r?\n|\Z)", re.MULTILINE)


_LINE = re.compile(r"^([\w-]+:[ \t]+)([^\s\"'|>].*?)[ \t]*\r?$", re.MULTILINE)


def _quoted(line: re.Match[str]) -> str:
    return line[1] + json.dumps(line[2], ensure_ascii=False)


def has_front_matter(text: str) -> bool:
    """Tell whether a text begins as front matter does."""
    return _OPENING.match(text.removeprefix("\ufeff")) is not None


def split_front_matter(
    text: str, source: str, *, lenient: bool = False
) -> tuple[dict[str, Any], str]:
    """Part a text into its keys and its body, verbatim from the line after the closing `---`.

    What is no YAML is read line by line where that is `lenient`: each value is then a text.

    Raises:
        Invalid: the keys can't be read; the sentence names the file and the line.
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
        keys = load_yaml(_LINE.sub(_quoted, head), source, 2)
    if not isinstance(keys, dict):
        raise Invalid(
            f"{source}:2: the front matter is no mapping. Write lines such as 'name: my-prompt'."
        )
    return keys, text[closing.end() :]


def join_front_matter(keys: dict[str, Any], body: str) -> str:
    """Write keys and a body; keys that say nothing are left out."""
    present = {key: value for key, value in keys.items() if value not in (None, "", [], {})}
    return f"---\n{dump_yaml(present)}---\n{body}"
