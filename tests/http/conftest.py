"""The whole application, in front of an HTTP client."""

import pytest

from tests.support.serving import serving


@pytest.fixture
async def served(database_url):
    async with serving(database_url) as running:
        yield running


@pytest.fixture
def client(served):
    return served.client
