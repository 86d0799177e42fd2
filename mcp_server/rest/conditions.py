"""Conditional requests: ETag, If-None-Match and If-Match (RFC 9110, 13)."""

import re

from storage.values.errors import Invalid

_TAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*')


def write_etag(state: str) -> str:
    """Return the ETag of a state."""
    return f'"{state}"'


def is_known(if_none_match: str | None, state: str) -> bool:
    """Return whether the client has this state; its tag may be weak, as proxies make it.

    Raises:
        Invalid: the header isn't a list of ETags.
    """
    if if_none_match is None:
        return False
    if if_none_match == write_etag(state) or if_none_match.strip() == "*":
        return True
    return any(tag == state for _, tag in _tags("If-None-Match", if_none_match))


def expected_states(if_match: str | None) -> frozenset[str] | None:
    """Return the states that a client expects to find; None if it accepts any.

    Weak tags never match (RFC 9110, 13.1.1). The part after a dot is the state of included texts;
    it is cut off, since a write of the including prompt doesn't depend on them.

    Raises:
        Invalid: the header isn't a list of ETags.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    return frozenset(tag.partition(".")[0] for weak, tag in _tags("If-Match", if_match) if not weak)


def _tags(header: str, value: str) -> list[tuple[str, str]]:
    tags, end = [], 0
    while match := _TAG.match(value, end):
        tags.append((match[1] or "", match[2]))
        end = match.end() + 1
        if value[match.end() : end] != ",":
            break
    if not tags or end <= len(value):
        raise Invalid(
            f"The header {header} is '{value[:100]}', which is no ETag. Send one back as it was "
            'given, in its quotes: "0a1b2c…".',
            fields={header: "is no ETag"},
        )
    return tags
