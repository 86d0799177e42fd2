"""Used values: that they can't be remembered costs suggestions, and nothing else."""

import logging
from contextlib import asynccontextmanager

import pytest

from mcp_server.service.inputs import PromptInput
from storage.database import Database
from storage.values.errors import Unavailable
from tests.support.seeing import seen


class Refusing(Database):
    """A database that nothing can be written to, from some moment on."""

    error = None

    @asynccontextmanager
    async def transaction(self):
        if self.error is not None:
            raise self.error
        async with super().transaction() as tx:
            yield tx


@pytest.fixture
async def refusing(connector):
    database = Refusing(connector)
    yield database
    await database.close()


@pytest.mark.parametrize(
    ("error", "level"),
    [(Unavailable("It is away."), logging.INFO), (PermissionError("no"), logging.WARNING)],
)
async def test_values_that_cant_be_written_are_forgotten_and_that_is_logged(
    refusing, caplog, error, level
):
    library = seen(refusing)
    await library.prompts.create("note", PromptInput(template="{{a}}"))
    await library.prompts.render("note", {"a": "x"})
    refusing.error = error
    with caplog.at_level(logging.INFO):
        await library.core.values.flush()
    told = [each for each in caplog.records if "values weren't remembered" in each.message]
    assert [each.levelno for each in told] == [level]
    refusing.error = None
    await library.core.values.flush()
    assert (await library.completing.argument("note", "a", "")).values == ()
