"""A library on a real database, behind the real server, in front of the SDK's own client."""

import pytest
from mcp import Client

from mcp_server.protocol.server import ServerOptions, build_server
from mcp_server.service.inputs import PromptInput
from mcp_server.service.library import Core, Library
from tests.support.seeing import seen

ERAS = ("legacy", "auto")


def open_door(library: Library, *, page_size: int | None = None):
    """Return a server that shows the library as it is seen here."""

    async def ready() -> Core:
        return library.core

    options = ServerOptions("1.2.3", library.caller, page_size)
    return build_server(ready, options)


@pytest.fixture
def library(database):
    """A library whose every write is its own, so that its memory is never behind."""
    return seen(database, "ada", is_hearing=lambda: True)


@pytest.fixture(params=ERAS)
def era(request):
    return request.param


@pytest.fixture
def door(library):
    return open_door(library)


@pytest.fixture
async def client(door, era):
    async with Client(door.server, mode=era) as connected:
        yield connected


@pytest.fixture
async def modern(door):
    async with Client(door.server) as connected:
        yield connected


@pytest.fixture
def write(library):
    """Create a prompt: `await write("greeting", template="Hello {{name}}")`."""

    async def create(name: str, **fields):
        if "messages" not in fields:
            fields.setdefault("template", f"The text of {name}")
        return await library.prompts.create(name, PromptInput(**fields))

    return create
