"""PostgreSQL 15 to 18: the same scenario on each version that is installed here."""

import asyncio
from pathlib import Path

import pytest

from mcp_server.service.inputs import PromptInput
from mcp_server.service.library import Library
from storage.connectors import UrlConnector
from storage.database import Database
from storage.notifications import Listener
from storage.schema import is_current, migrate
from storage.values.entities import PromptFilter
from tests.support.clusters import cluster
from tests.support.seeing import seen

pytestmark = pytest.mark.slow

_INSTALLED = sorted(path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres"))


async def test_a_library_works_on_the_version_that_comes_with_it():
    await _check(None)


@pytest.mark.parametrize("bindir", _INSTALLED, ids=lambda bindir: bindir.parent.name)
async def test_a_library_works_on_every_version_that_is_installed(bindir):
    await _check(bindir)


async def _check(bindir: Path | None) -> None:
    with cluster(bindir) as server:
        await server.create_database("library")
        connector = UrlConnector(server.url("library"))
        assert await migrate(connector)
        await _use(connector)


async def _use(connector: UrlConnector) -> None:
    database = Database(connector)
    assert await is_current(database)
    listener = Listener(connector, lambda change: library.core.hear(change), database.notify)
    library = seen(database, is_hearing=lambda: listener.listening)
    await listener.start()
    running = asyncio.create_task(listener.run())
    assert listener.listening
    await library.prompts.create("note", PromptInput(template="Übung {{topic}}"))
    await library.prompts.update("note", PromptInput(template="Probe {{topic}}"))
    await library.labels.set("note@1", "production")
    assert (await library.prompts.get("note")).version.version == 1
    assert [hit.prompt.name for hit in (await _search(library, "ubung")).items] == ["note"]
    assert (await _search(library, "prob")).items == ()
    await library.labels.remove("note", "production")
    assert [hit.prompt.name for hit in (await _search(library, "probe")).items] == ["note"]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await database.close()


async def _search(library: Library, words: str):
    return await library.search.find(words, PromptFilter(), limit=5)
