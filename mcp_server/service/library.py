"""The library: every use case under its noun."""

from collections.abc import Callable

from mcp_server.service.branches import Branches
from mcp_server.service.catalog import Catalog
from mcp_server.service.completing import Completing
from mcp_server.service.composing import Composer
from mcp_server.service.exporting import Exporting
from mcp_server.service.finding import Finder
from mcp_server.service.importing import Importing
from mcp_server.service.labels import Labels
from mcp_server.service.patterns import Patterns
from mcp_server.service.prompts import Prompts
from mcp_server.service.scope import Scope
from mcp_server.service.search import Search
from mcp_server.service.syncing import Syncing
from mcp_server.service.values import ArgumentValues
from mcp_server.service.versions import Versions
from mcp_server.service.writing import Writer
from storage.database import Database


class Library:
    """What every door calls. Each method is one operation and one transaction."""

    def __init__(
        self,
        database: Database,
        *,
        scope: Scope | None = None,
        is_hearing: Callable[[], bool] = lambda: False,
        remember_values: bool = True,
        patterns: Patterns | None = None,
    ) -> None:
        """Open the library; `is_hearing` tells whether `catalog.hear` gets every commit.

        With `remember_values` the values that arguments are given are kept, to be offered again;
        a library that is only read keeps none. `patterns` compares values with patterns, and is
        closed by whoever opened the library.
        """
        self.scope = scope or Scope()
        self.catalog = Catalog(database, is_hearing)
        remembers = remember_values and not self.scope.read_only
        self.values = ArgumentValues(database, remembers=remembers)
        self.patterns = patterns or Patterns()
        composer = Composer(self.catalog, self.scope)
        finder = Finder(database, self.catalog, composer, self.scope)
        writer = Writer(database, self.catalog, finder, composer, self.scope)
        self.prompts = Prompts(
            self.catalog, finder, composer, writer, self.values, self.patterns, self.scope
        )
        self.versions = Versions(self.catalog, finder, writer)
        self.branches = Branches(self.catalog, finder, writer, self.patterns)
        self.labels = Labels(self.catalog, finder, writer)
        self.search = Search(self.catalog, composer, self.scope)
        self.completing = Completing(self.catalog, finder, self.scope)
        self.importing = Importing(
            database, self.catalog, writer, composer, self.patterns, self.scope
        )
        self.syncing = Syncing(self.catalog, self.prompts, self.scope)
        self.exporting = Exporting(self.catalog, self.scope)
