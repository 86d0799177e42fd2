"""A library on a real database, behind the whole application, in front of an HTTP client."""

import pytest

from tests.support.serving import serving


@pytest.fixture
async def served(database_url):
    async with serving(database_url) as running:
        yield running


@pytest.fixture
def client(served):
    return served.client


@pytest.fixture
def write(client):
    """Create a prompt: `await write("greeting", template="Hello {{name}}")`."""

    async def create(name: str, **fields):
        if "messages" not in fields:
            fields.setdefault("template", f"The text of {name}")
        answer = await client.post("/prompts", json={"name": name, **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()

    return create
