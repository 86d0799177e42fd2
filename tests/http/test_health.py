import asyncio

import anyio
import pytest
import sqlalchemy as sa

from storage.connectors import UrlConnector
from storage.database import Database
from storage.values.errors import Unavailable
from tests.rest.checking import problem
from tests.support.processes import SECONDS
from tests.support.relays import relaying
from tests.support.serving import serving


async def until(condition):
    """Wait until something has come true; how often it is looked at decides nothing."""
    with anyio.fail_after(SECONDS):
        while not await condition():
            await asyncio.sleep(0.01)


async def test_a_server_that_can_serve_says_so(client):
    assert (await client.get("/healthz")).json() == {"status": "alive"}
    ready = await client.get("/readyz")
    assert ready.status_code == 200
    assert ready.headers["cache-control"] == "no-store"
    assert ready.json()["checks"]["database"] == ready.json()["checks"]["schema"] == "ok"


async def test_probes_have_no_other_methods_and_forgive_a_slash_too_many(client):
    for path in ("/healthz", "/readyz", "/metrics"):
        head = await client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) > 0
        refused = await client.post(path)
        problem(refused, 405, f"'{path}' can't be asked with POST")
        assert sorted(refused.headers["allow"].split(", ")) == ["GET", "HEAD"]
        moved = await client.get(f"{path}/")
        assert moved.status_code == 307
        assert moved.headers["location"].endswith(path)
        # Platforms ask for a probe as it is named: everything else is for those who know the host.
        problem(await client.get(f"{path}/", headers={"host": "evil.example"}), 421)
        problem(await client.get(f"{path}/x"), 404)


@pytest.mark.parametrize(
    ("revision", "status", "told"), [("0000", 503, "is older than"), ("9999", 200, "ok")]
)
async def test_a_schema_that_is_behind_makes_it_unready_and_a_newer_one_doesnt(
    client, database, revision, status, told
):
    async with database.transaction() as tx:
        moved = sa.text("UPDATE promptstack_version SET version_num = :revision")
        await tx.connection.execute(moved, {"revision": revision})
    answer = await client.get("/readyz")
    assert answer.status_code == status
    assert told in answer.json()["checks"]["schema"]
    assert (await client.get("/healthz")).status_code == 200


async def test_a_server_outlives_its_database(database_url):
    async with relaying(database_url) as relay, serving(relay.url) as served:
        client = served.client
        await client.post("/prompts", json={"name": "x", "template": "1"})
        await relay.cut()

        unready = await client.get("/readyz")
        assert (unready.status_code, unready.json()["checks"]["schema"]) == (503, "unknown")
        assert (await client.get("/healthz")).status_code == 200
        for method, path, body in (
            ("GET", "/prompts", None),
            ("GET", "/prompts/other", None),
            ("PUT", "/prompts/x", {"template": "2"}),
        ):
            away = await client.request(method, path, json=body)
            told = problem(away, 503)
            assert told["type"] == "urn:promptstack:problem:unavailable"
            assert away.headers["retry-after"] == "1"

        await relay.mend()

        async def ready():
            answer = await client.get("/readyz")
            return answer.status_code == 200 and answer.json()["checks"]["listening"]

        await until(ready)
        assert (await client.get("/prompts/x")).json()["template"] == "1"
        assert (await client.put("/prompts/x", json={"template": "2"})).json()["version"] == 2


async def test_a_server_doesnt_start_without_its_database():
    with pytest.raises(Unavailable, match="can't be used"):
        async with serving("postgresql://nobody@127.0.0.1:1/none"):
            raise AssertionError("it started")


async def test_a_change_of_another_process_is_seen(client, database_url):
    await client.post("/prompts", json={"name": "x", "template": "1"})
    first = await client.get("/prompts/x")
    database = Database(UrlConnector(database_url))
    try:
        async with database.transaction() as tx:
            prompt = await tx.prompts.find("x")
            await tx.prompts.set_archived(prompt.id, True)
    finally:
        await database.close()

    async def gone():
        return (await client.get("/prompts/x")).status_code == 404

    assert first.status_code == 200
    await until(gone)
