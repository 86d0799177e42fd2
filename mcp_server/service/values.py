"""Used argument values, remembered off the request path."""

import logging
from collections.abc import Mapping
from uuid import UUID

from storage.database import Database
from storage.values.errors import Unavailable

_MAX_WAITING = 5_000

logger = logging.getLogger(__name__)


class RememberedValues:
    """Collects used values in memory for `flush` to write; without `remembers` it drops them."""

    def __init__(self, database: Database, *, remembers: bool) -> None:
        self._database = database
        self._remembers = remembers
        self._waiting: set[tuple[UUID, str, str]] = set()

    def remember(self, prompt_id: UUID, values: Mapping[str, str]) -> None:
        """Note the values that a prompt's arguments were given just now."""
        if self._remembers and len(self._waiting) < _MAX_WAITING:
            self._waiting |= {(prompt_id, name, value) for name, value in values.items()}

    async def flush(self) -> None:
        """Write the collected values; if that fails they are dropped, being suggestions only."""
        waiting, self._waiting = self._waiting, set()
        if not waiting:
            return
        try:
            async with self._database.transaction() as tx:
                await tx.argument_values.remember_values(waiting)
        except Unavailable as error:
            logger.info("used values weren't remembered: %s", error)
        except Exception:  # e.g. a database user that may only read: no reason to stop
            logger.warning("used values weren't remembered", exc_info=True)
