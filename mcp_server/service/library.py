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
from mcp_server.service.search import Search
from mcp_server.service.syncing import Syncing
from mcp_server.service.values import ArgumentValues
from mcp_server.service.versions import Versions
from mcp_server.service.views import View
from mcp_server.service.writing import Writer
from storage.database import Database


class Library:
    """What every door calls. Each method is one operation and one transaction."""

    def __init__(
        self,
        database: Database,
        *,
        view: View | None = None,
        is_hearing: Callable[[], bool] = lambda: False,
        remember_values: bool = True,
        patterns: Patterns | None = None,
    ) -> None:
        """Open the library; `is_hearing` tells whether `catalog.hear` gets every commit.

        With `remember_values` the values that arguments are given are kept, to be offered again;
        a library that is only read keeps none. `patterns` compares values with patterns, and is
        closed by whoever opened the library.
        """
        self.view = view or View()
        self.catalog = Catalog(database, is_hearing)
        remembers = remember_values and not self.view.read_only
        self.values = ArgumentValues(database, remembers=remembers)
        self.patterns = patterns or Patterns()
        composer = Composer(self.catalog, self.view)
        finder = Finder(database, self.catalog, composer, self.view)
        writer = Writer(database, self.catalog, finder, composer, self.view)
        self.prompts = Prompts(
            self.catalog, finder, composer, writer, self.values, self.patterns, self.view
        )
        self.versions = Versions(self.catalog, finder, writer)
        self.branches = Branches(self.catalog, finder, writer, self.patterns)
        self.labels = Labels(self.catalog, finder, writer)
        self.search = Search(self.catalog, composer, self.view)
        self.completing = Completing(self.catalog, finder, self.view)
        self.importing = Importing(
            database, self.catalog, writer, composer, self.patterns, self.view
        )
        self.syncing = Syncing(self.catalog, self.prompts, self.view)
        self.exporting = Exporting(self.catalog, self.view)
