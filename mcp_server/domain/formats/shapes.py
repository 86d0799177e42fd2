"""Shapes: ways to change the text of a file with one prompt after the prompt has changed.

Each shape compares the writer's output for the prompt in the file and for the wanted one, and
carries only the differences over into the file.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from mcp_server.domain.formats.csv_format import COLUMNS
from mcp_server.domain.formats.front_matter import (
    has_front_matter,
    join_front_matter,
    split_front_matter,
)
from mcp_server.domain.formats.yaml_text import dump_yaml, load_yaml

_INDENTS = (None, 2, 4, 1, 3, "\t", 8)
_SEPARATORS = (None, (",", ":"))


@dataclass(frozen=True, slots=True)
class Change:
    """The text of a file, and the writer's output for its prompt before and after."""

    file: str
    before: str
    after: str


Shape = Callable[[Change], Iterator[str]]
"""Yields texts for a file, the closest one first; may raise if the file has another shape."""


def shape_of(format_name: str) -> Shape:
    """Return the shape of a format's files."""
    return _SHAPES[format_name]


def ended(text: str, before: str) -> Iterator[str]:
    """Yield variants of a text, those with the line ends of the file first."""
    pairs = before.count("\r\n")
    if pairs and pairs == before.count("\n"):
        head, _, body = _parts(text)
        yield _with_pairs(text)
        yield f"{_with_pairs(head)}{body}"
    yield text


def _with_pairs(text: str) -> str:
    return re.sub(r"\r?\n", "\r\n", text)


def _with_front_matter(change: Change) -> Iterator[str]:
    head, keys, body = _parts(change.file)
    _, old, body_before = _parts(change.before)
    _, new, body_after = _parts(change.after)
    changed = _changed(keys, old, new)
    new_body = body if body_before == body_after else body_after
    yield f"{head}{new_body}" if changed == keys else join_front_matter(changed, new_body)


def _parts(text: str) -> tuple[str, dict[str, Any], str]:
    """Split a text into its front matter as written, the keys in that, and the body."""
    if not has_front_matter(text):
        return "", {}, text
    keys, body = split_front_matter(text, "file", lenient=True)
    return text[: len(text) - len(body)], keys, body


def _value(change: Change) -> Iterator[str]:
    """Change JSON that is one value, or a list of one."""
    text = change.file.rstrip()
    current, rest = json.loads(text), change.file[len(text) :]
    old, new = json.loads(change.before), json.loads(change.after)
    if isinstance(current, list) and len(current) == 1 and current[0].keys() - {"role", "content"}:
        yield from _dumped([_changed(current[0], old, new)], current, text, rest)
    elif isinstance(current, list):  # bare messages; the prompt is named after the file
        yield from _dumped(new["messages"], current, text, rest)
        yield from _dumped(new, current, text, rest)
    else:
        yield from _dumped(_changed(current, old, new), current, text, rest)


def _dumped(value: object, current: object, text: str, rest: str) -> Iterator[str]:
    """Write JSON in the style of a file, which is the one that reproduces its text."""
    for indent, separators, ascii_only in product(_INDENTS, _SEPARATORS, (False, True)):
        style: dict[str, Any] = {
            "indent": indent, "separators": separators, "ensure_ascii": ascii_only,
        }  # fmt: skip
        if json.dumps(current, **style) == text:
            yield f"{json.dumps(value, **style)}{rest}"
            return
    found = re.search(r"[\[{,]\n([ \t]+)\S", text)
    indented = found[1] if found and isinstance(value, dict) else None
    yield f"{json.dumps(value, ensure_ascii=False, indent=indented)}{rest or chr(10)}"


def _document(change: Change) -> Iterator[str]:
    """Change YAML that is one mapping, or a list of one."""
    current = load_yaml(change.file, "file", 1)
    old, new = load_yaml(change.before, "file", 1), load_yaml(change.after, "file", 1)
    mark = "---\n" if has_front_matter(change.file) else ""
    if isinstance(current, dict):
        yield f"{mark}{dump_yaml(_changed(current, old, new))}"


def _row(change: Change) -> Iterator[str]:
    """Change the row of a table; the columns and their order stay."""
    header, current = _rows(change.file)
    _, old = _rows(f"{','.join(COLUMNS)}\r\n{change.before}")
    _, new = _rows(f"{','.join(COLUMNS)}\r\n{change.after}")
    changed = _changed(current, old, new)
    out = io.StringIO(newline="")
    csv.writer(out).writerow([changed[column] for column in header])
    first, _, _ = change.file.partition("\n")
    end = "\r\n" if first.endswith("\r") else "\n"
    yield f"{first}\n{out.getvalue().removesuffix(chr(13) + chr(10))}{end}"


def _rows(text: str) -> tuple[list[str], dict[str, str]]:
    """Return the columns of a table, and its only row as a mapping."""
    header, row = (each for each in csv.reader(io.StringIO(text, newline=""), strict=True) if each)
    columns = [column.strip().lower() for column in header]
    return columns, dict(zip(columns, row, strict=True))


def _changed(
    current: Mapping[str, Any], old: Mapping[str, Any], new: Mapping[str, Any]
) -> dict[str, Any]:
    """Apply the differences between two mappings to a third one, in its order."""
    differ = {key for key in {*old, *new} if _json_of(old, key) != _json_of(new, key)}
    kept = {key: new.get(key) if key in differ else each for key, each in current.items()}
    added = {key: each for key, each in new.items() if key in differ}
    whole = kept | added
    return {key: each for key, each in whole.items() if key not in differ or key in new}


def _json_of(values: Mapping[str, Any], key: str) -> str | None:
    """Write a value as JSON, so that 1, 1.0 and true differ; None if the key is absent."""
    return json.dumps(values[key]) if key in values else None


_SHAPES: dict[str, Shape] = {
    **dict.fromkeys(("markdown", "skill", "claude-command", "vscode"), _with_front_matter),
    **dict.fromkeys(("json", "jsonl", "langfuse", "mlflow", "openai", "rows"), _value),
    "yaml": _document,
    "csv": _row,
}
