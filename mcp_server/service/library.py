"""The library: the state that all callers of a process share, and each caller's use cases."""

from collections.abc import Callable
from functools import cached_property

from mcp_server.service.branches import Branches
from mcp_server.service.callers import Caller
from mcp_server.service.catalog import Catalog
from mcp_server.service.completing import Completing
from mcp_server.service.composing import Composer
from mcp_server.service.counting import Counts
from mcp_server.service.exporting import Exporting
from mcp_server.service.finding import Finder
from mcp_server.service.importing import Importing
from mcp_server.service.labels import Labels
from mcp_server.service.patterns import Patterns
from mcp_server.service.prompts import Prompts
from mcp_server.service.search import Search
from mcp_server.service.sight import Sight
from mcp_server.service.syncing import Syncing
from mcp_server.service.values import RememberedValues
from mcp_server.service.versions import Versions
from mcp_server.service.writing import Writer
from storage.database import Database
from storage.values.entities import Change


class Core:
    """The state that all callers of a process share: the database, and the memory of it."""

    def __init__(
        self,
        database: Database,
        *,
        is_hearing: Callable[[], bool] = lambda: False,
        remember_values: bool = True,
        patterns: Patterns | None = None,
    ) -> None:
        """Make the core; `is_hearing` tells whether `hear` currently gets every commit.

        With `remember_values`, argument values are stored, to be suggested again.
        """
        self.database = database
        self.catalog = Catalog(database, is_hearing)
        self.values = RememberedValues(database, remembers=remember_values)
        self.patterns = patterns or Patterns()
        self.counts = Counts()

    def seen_by(self, caller: Caller) -> "Library":
        """Return the library as a caller sees it; this takes microseconds, so each request may."""
        return Library(self, caller)

    def hear(self, change: Change) -> None:
        """Note a change that this process or another one committed."""
        self.catalog.hear(change)

    async def flush(self) -> None:
        """Write the argument values that are only in memory yet."""
        await self.values.flush()

    def close(self) -> None:
        """End the worker processes; the database stays open."""
        self.patterns.close()


class Library:
    """The library as every door calls it: each method of its nouns is one transaction."""

    def __init__(self, core: Core, caller: Caller) -> None:
        self.core = core
        self.caller = caller
        self._sight = Sight(core.catalog, caller.view)
        self._composer = Composer(self._sight, core.catalog)
        self._finder = Finder(self._sight, self._composer)
        self._writer = Writer(
            core.database, core.hear, self._sight, self._finder, self._composer, caller
        )

    @cached_property
    def prompts(self) -> Prompts:
        """The named things."""
        core = self.core
        return Prompts(
            self._sight,
            self._finder,
            self._composer,
            self._writer,
            core.values,
            core.patterns,
            core.counts,
        )

    @cached_property
    def versions(self) -> Versions:
        """Their histories."""
        return Versions(self._sight, self._finder, self._writer)

    @cached_property
    def branches(self) -> Branches:
        """Named lines of versions."""
        return Branches(self._sight, self._finder, self._writer, self.core.patterns)

    @cached_property
    def labels(self) -> Labels:
        """Movable pointers to versions."""
        return Labels(self._sight, self._finder, self._writer)

    @cached_property
    def search(self) -> Search:
        """Finding prompts by words."""
        return Search(self._sight, self._composer)

    @cached_property
    def completing(self) -> Completing:
        """Completions of partly typed texts."""
        return Completing(self._sight, self._finder)

    @cached_property
    def importing(self) -> Importing:
        """Prompts that are brought in from files."""
        return Importing(self._sight, self._writer, self._composer, self.core.patterns)

    @cached_property
    def syncing(self) -> Syncing:
        """Reads and writes for a folder that is kept in step with the library."""
        return Syncing(self._sight, self.prompts)

    @cached_property
    def exporting(self) -> Exporting:
        """Prompts that are written to files."""
        return Exporting(self._sight)
