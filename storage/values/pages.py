"""Pieces of lists: a page, and the opaque cursor that leads to the next one."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2s
from math import isfinite
from typing import Generic, TypeVar

from storage.values.errors import Invalid

T = TypeVar("T")
U = TypeVar("U")

Position = tuple[str | int | float, ...]
"""The sort key of a page's last item: where the next page begins."""

_CHECK_BYTES = 6
_MAX_INTEGER = 2**31 - 1
"""The largest integer of the database."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A piece of a list; `next_cursor` is None on the last one."""

    items: tuple[T, ...]
    next_cursor: str | None = None

    def map(self, present: Callable[[T], U]) -> "Page[U]":
        """Return the same page with each item presented."""
        return Page(tuple(present(item) for item in self.items), self.next_cursor)


def cut_page(rows: Sequence[T], limit: int, listing: str, key: Callable[[T], Position]) -> Page[T]:
    """Make a page of `limit` items out of rows read with `limit + 1`.

    `listing` names the list and its filters, so that a cursor of one list is refused by another.
    """
    items = tuple(rows[:limit])
    more = len(rows) > limit and items
    return Page(items, encode_cursor(listing, key(items[-1])) if more else None)


def encode_cursor(listing: str, position: Position) -> str:
    """Write a position as an opaque, checked string that is safe in a URL."""
    body = json.dumps(position, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_check(listing, body) + body).decode().rstrip("=")


def decode_cursor(listing: str, cursor: str, *kinds: type) -> Position:
    """Read a cursor back; `kinds` are the types of the parts of its position.

    The checksum has no secret, so a forged position may pass it; types are checked as well.

    Raises:
        Invalid: the cursor is malformed, cut short, or belongs to another list.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        check, body = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
        if check != _check(listing, body):
            raise ValueError(cursor)
        position = json.loads(body)
        if not _has_kinds(position, kinds):
            raise ValueError(cursor)
        return tuple(position)
    except (ValueError, binascii.Error, RecursionError):
        shown = cursor if len(cursor) <= 40 else cursor[:40] + "…"
        raise Invalid(
            f"The cursor '{shown}' is not one that this list gave out. "
            "Leave the cursor out to start from the first page.",
            fields={"cursor": "not a cursor of this list"},
        ) from None


def _has_kinds(position: object, kinds: Sequence[type]) -> bool:
    return (
        isinstance(position, list)
        and len(position) == len(kinds)
        and all(map(_is_storable, position, kinds))
    )


def _is_storable(part: object, kind: type) -> bool:
    """Return whether a part of a position has its type, and a value that the database can hold."""
    if type(part) is not kind:
        return False
    match part:
        case str():
            return part.isprintable()
        case int():
            return 0 <= part <= _MAX_INTEGER
        case float():
            return isfinite(part)
    return False


def _check(listing: str, body: bytes) -> bytes:
    return blake2s(listing.encode() + b"\0" + body, digest_size=_CHECK_BYTES).digest()
