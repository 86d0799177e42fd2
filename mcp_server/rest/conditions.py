"""Conditional requests: ETag, If-None-Match and If-Match (RFC 9110, 13)."""

import re

from storage.values.errors import Invalid

_TAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*')


def write_etag(state: str) -> str:
    """Write the ETag of a state."""
    return f'"{state}"'


def is_known(if_none_match: str | None, state: str) -> bool:
    """Return whether a client has this state already; proxies may have weakened its tag.

    Raises:
        Invalid: the header holds no ETags.
    """
    if if_none_match is None:
        return False
    if if_none_match == write_etag(state) or if_none_match.strip() == "*":
        return True
    return any(tag == state for _, tag in _tags("If-None-Match", if_none_match))


def expected_states(if_match: str | None) -> frozenset[str] | None:
    """Return the states that a client expects to find; None where it expects nothing.

    Weak tags never match (RFC 9110, 13.1.1). What stands behind a dot is the state of included
    texts, which a write of the including prompt goes on from whatever they are.

    Raises:
        Invalid: the header holds no ETags.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    return frozenset(tag.partition(".")[0] for weak, tag in _tags("If-Match", if_match) if not weak)


def _tags(header: str, written: str) -> list[tuple[str, str]]:
    tags, end = [], 0
    while match := _TAG.match(written, end):
        tags.append((match[1] or "", match[2]))
        end = match.end() + 1
        if written[match.end() : end] != ",":
            break
    if not tags or end <= len(written):
        raise Invalid(
            f"The header {header} is '{written[:100]}', which is no ETag. Send one back as it was "
            'given, in its quotes: "0a1b2c…".',
            fields={header: "is no ETag"},
        )
    return tags
