"""Time-ordered identifiers, made here so that they are the same on every PostgreSQL."""

import secrets
import time
from uuid import UUID


def new_id() -> UUID:
    """Return a UUID of version 7 (RFC 9562 §5.7): 48 bits of milliseconds, then randomness."""
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64
    return UUID(int=value | 0b10 << 62 | secrets.randbits(62))
