"""Details of failures that clients don't see, for the operator's log."""

import logging
import time

from storage.values.errors import PromptError

_AGAIN_SECONDS = 60.0

logger = logging.getLogger(__name__)


class _Reasons:
    """Recently logged reasons: one that persists would be logged by every request."""

    def __init__(self) -> None:
        self._logged: dict[str, float] = {}

    def note(self, error: PromptError) -> None:
        now = time.monotonic()
        self._logged = {
            reason: logged
            for reason, logged in self._logged.items()
            if now - logged < _AGAIN_SECONDS
        }
        if error.local == error.account or error.local in self._logged:
            return
        self._logged[error.local] = now
        logger.warning("%s", error.local)


note_reason = _Reasons().note
"""Log the details of a failure that its client doesn't see; the same once a minute at most."""
