import json
import logging

import pytest

from mcp_server.doors import Door, Doors
from mcp_server.http.requests import Requests
from mcp_server.logs import JsonFormatter
from tests.rest.checking import problem
from tests.support.serving import serving


def doors(app):
    return Doors([Door(app=app, paths=("/",))])


async def test_a_requests_id_comes_back(client):
    for path in ("/prompts", "/prompts/nothing", "/healthz", "/nothing"):
        assert (await client.get(path, headers={"x-request-id": "abc-1"})).headers[
            "x-request-id"
        ] == "abc-1"
    refused = await client.get("/prompts", headers={"host": "evil.example", "x-request-id": "abc"})
    assert (refused.status_code, refused.headers["x-request-id"]) == (421, "abc")


@pytest.mark.parametrize("given", [None, "", "with space", "x" * 129, "é"])
async def test_a_request_without_a_good_id_gets_one(client, given):
    headers = {} if given is None else {"x-request-id": given.encode()}
    ids = {(await client.get("/healthz", headers=headers)).headers["x-request-id"] for _ in "ab"}
    assert len(ids) == 2
    assert all(len(each) == 32 and each.isalnum() for each in ids)


async def test_the_log_has_one_line_a_request_with_its_id(client, caplog):
    lines = []

    class Keep(logging.Handler):
        def emit(self, record):
            lines.append(json.loads(self.format(record)))

    handler = Keep()
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("mcp_server.http")
    logger.addHandler(handler)
    try:
        with caplog.at_level(logging.INFO, "mcp_server.http"):
            await client.get("/prompts/nothing?key=secret", headers={"x-request-id": "abc-1"})
    finally:
        logger.removeHandler(handler)
    (line,) = lines
    assert (line["request_id"], line["method"], line["status"]) == ("abc-1", "GET", 404)
    assert line["path"] == "/prompts/nothing"
    assert line["milliseconds"] >= 0
    assert "secret" not in json.dumps(line)


async def test_whoever_fails_without_an_answer_is_apologised_for(caplog):
    seen, sent = [], []

    async def fail(scope, receive, send):
        raise RuntimeError("secret")

    async def send(message):
        sent.append(message)

    requests = Requests(fail, doors(fail), lambda *noted: seen.append(noted))
    scope = {"type": "http", "method": "GET", "path": "/x", "headers": []}
    await requests(scope, None, send)
    assert sent[0]["status"] == 500
    assert b"secret" not in sent[1]["body"]
    assert seen[0][:3] == ("GET", "(none)", 500)
    assert len(caplog.records) == 1
    await requests.idle()


async def test_a_developer_is_the_author_where_the_operator_allows_it(database_url):
    async with serving(database_url, allow_dev_headers=True) as served:
        client = served.client
        made = await client.post(
            "/prompts",
            json={"name": "x", "template": "1"},
            headers={"x-dev-user": "Zoë".encode()},
        )
        assert made.json()["created_by"] == "Zoë"
        put = await client.put("/prompts/x", json={"template": "2"})
        assert put.json()["created_by"] == "tester"
        authors = [
            each["created_by"] for each in (await client.get("/prompts/x/history")).json()["items"]
        ]
        assert authors == ["tester", "Zoë"]
        for given in (b"\xff", b"x" * 201, b"a\tb"):
            refused = await client.put(
                "/prompts/x", json={"template": "3"}, headers={"x-dev-user": given}
            )
            assert "X-Dev-User" in problem(refused, 422)["fields"]


async def test_nobody_says_who_he_is_where_the_operator_doesnt_allow_it(client):
    made = await client.post("/prompts", json={"template": "x"}, headers={"x-dev-user": "mallory"})
    assert made.json()["created_by"] == "tester"
