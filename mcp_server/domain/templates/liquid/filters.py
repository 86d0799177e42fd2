"""Filters of the library, with limits where their input or output has none of its own."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from liquid import Environment
from liquid.exceptions import FilterArgumentError
from liquid.filter import liquid_filter, sequence_filter, string_filter

from mcp_server.domain.templates.liquid.sizes import check_items, check_text_size

_SLOW = 50_000
"""Characters for filters that process each character separately."""
_DATE = 100
"""Characters of a date and of its format."""
_TAG = re.compile(r"<[^<>]*+>")

_GROWS: Mapping[str, int] = {"url_encode": 12, "escape": 6, "escape_once": 6, "escapejs": 6}
_SLOWLY = (
    "escape_once", "url_decode", "url_encode", "squish", "truncatewords", "newline_to_br",
    "strip_newlines", "escapejs",
)  # fmt: skip

Guard = Callable[..., None]


def add_filters(environment: Environment) -> None:
    """Replace the library's own filters with limited ones."""
    known = environment.filters
    for name in _SLOWLY:
        known[name] = _guarded(known[name], _check_slow)
    for name in _GROWS:
        known[name] = _guarded(known[name], _grows(_GROWS[name]))
    for name in ("replace", "replace_first", "replace_last"):
        known[name] = _guarded(known[name], _check_replace)
    known["join"] = _guarded(known["join"], _check_join)
    known["split"] = _guarded(known["split"], _check_split)
    known["date"] = _guarded(known["date"], _check_date)
    known["uniq"] = uniq
    known["json"] = write_json
    known["strip_html"] = strip_html
    del known["safe"]  # nothing is escaped, so it would have no effect


@sequence_filter
def uniq(sequence: Sequence[Any], key: object = None) -> list[object]:
    """Return the items without duplicates, compared as they are or by a property."""
    firsts: dict[object, object] = {}
    for item in sequence:
        value = item.get(str(key)) if key is not None and isinstance(item, Mapping) else item
        firsts.setdefault(_comparable(value), item)
    return list(firsts.values())


@liquid_filter
def write_json(value: object) -> str:
    """Return a value as JSON."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        raise FilterArgumentError("can't be written as JSON", token=None) from None


@string_filter
def strip_html(value: str) -> str:
    """Return a text without its tags, which are anything in angle brackets."""
    return _TAG.sub("", value)


def _comparable(value: object) -> object:
    return value if isinstance(value, str | int | float | None) else repr(value)


def _guarded(function: Callable[..., object], guard: Guard) -> Callable[..., object]:
    """Return a filter that calls a guard before it runs."""

    def bounded(*args: object, **kwargs: object) -> object:
        guard(*args)
        return function(*args, **kwargs)

    for name in ("with_context", "with_environment"):
        if getattr(function, name, False):
            setattr(bounded, name, True)
    return bounded


def _check_slow(value: object, *_: object) -> None:
    if isinstance(value, str) and len(value) > _SLOW:
        raise FilterArgumentError(
            f"this filter takes at most {_SLOW:,} characters. Give it a shorter text", token=None
        )


def _grows(factor: int) -> Guard:
    def check(value: object, *_: object) -> None:
        check_text_size(len(str(value)) * factor)

    return check


def _check_replace(value: object, old: object = "", new: object = "", *_: object) -> None:
    text, pattern, replacement = str(value), str(old), str(new)
    check_text_size(len(text) + (text.count(pattern)) * len(replacement))


def _check_join(value: object, separator: object = " ", *_: object) -> None:
    if isinstance(value, Sequence) and not isinstance(value, str):
        check_items(len(value))
        check_text_size(len(value) * len(str(separator)))


def _check_split(value: object, separator: object = "", *_: object) -> None:
    text, cut = str(value), str(separator)
    check_items(len(text.split()) if cut == " " and len(text) <= _SLOW else text.count(cut))


def _check_date(value: object, how: object = "", *_: object) -> None:
    for given in (value, how):
        if len(str(given)) > _DATE:
            raise FilterArgumentError(
                f"dates and their formats have at most {_DATE} characters", token=None
            )
