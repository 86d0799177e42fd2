import asyncio
import json

import anyio
import pytest

from mcp_server.doors import Door, note_door
from mcp_server.http import bodies
from mcp_server.http.bodies import BodyGuard
from storage.values.errors import Unavailable
from tests.rest.checking import JSON, problem
from tests.support.processes import SECONDS
from tests.support.serving import serving


async def echo(scope, receive, send):
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


DOOR = Door(app=echo, paths=("/",), streamed=frozenset({("POST", "/import")}))


async def ask(guard, messages, headers=(), method="POST", path="/x"):
    """Send messages to a guard; return the status and the body that come back."""
    waiting, sent = list(messages), []

    async def receive():
        if not waiting:
            await anyio.sleep_forever()
        return waiting.pop(0)

    async def send(message):
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers]
    scope = {"type": "http", "method": method, "path": path, "headers": raw}
    note_door(scope, DOOR)
    with anyio.fail_after(SECONDS):
        await guard(scope, receive, send)
    if not sent:
        return None, b""
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def piece(body, more=False):
    return {"type": "http.request", "body": body, "more_body": more}


TYPED = [("content-type", "application/json")]


async def test_a_body_in_pieces_arrives_whole():
    guard = BodyGuard(echo, 10)
    assert await ask(guard, [piece(b"12345", True), piece(b"67890")], TYPED) == (200, b"1234567890")


async def test_a_body_is_too_large_by_what_it_declares_or_by_what_comes():
    guard = BodyGuard(echo, 10)
    for messages, headers in (
        ([piece(b"")], [("content-length", "11")]),
        ([piece(b"")], [("content-length", "9" * 100)]),
        ([piece(b"123456", True), piece(b"12345", True), piece(b"more")], []),
        ([piece(b"12345678901")], [("content-length", "5")]),
    ):
        status, body = await ask(guard, messages, TYPED + headers)
        assert status == 413
        assert "10 bytes" in json.loads(body)["detail"]


async def test_a_body_that_doesnt_come_in_time_is_a_408():
    status, body = await ask(BodyGuard(echo, 10, seconds=0.05), [piece(b"1", True)], TYPED)
    assert status == 408
    assert "0.05 seconds" in json.loads(body)["detail"]


@pytest.mark.parametrize("path", ["/x", "/import"])
async def test_a_body_that_is_on_its_way_at_the_end_has_a_moment_and_then_goes_elsewhere(
    monkeypatch, path
):
    monkeypatch.setattr(bodies, "LAST_SECONDS", 0.05)
    guard = BodyGuard(echo, 10)
    reading = asyncio.create_task(ask(guard, [piece(b"1", True)], TYPED, path=path))
    await anyio.wait_all_tasks_blocked()
    guard.end_soon()
    # The handler of an import reads its body itself, and presents the failure as any other.
    if path == "/import":
        with pytest.raises(Unavailable, match="is ending"):
            await reading
    else:
        status, body = await reading
        assert status == 503
        assert "is ending" in json.loads(body)["detail"]


async def test_a_body_that_begins_after_the_end_was_announced_has_no_more_time(monkeypatch):
    monkeypatch.setattr(bodies, "LAST_SECONDS", 0.0)
    guard = BodyGuard(echo, 10)
    guard.end_soon()
    assert (await ask(guard, [piece(b"1", True)], TYPED))[0] == 503


async def test_a_body_that_comes_whole_at_the_end_is_taken():
    guard = BodyGuard(echo, 10)
    guard.end_soon()
    for path in ("/x", "/import"):
        assert await ask(guard, [piece(b"1", True), piece(b"2")], TYPED, path=path) == (200, b"12")


async def test_a_client_that_is_told_no_but_says_nothing_more_is_waited_for_a_while(monkeypatch):
    monkeypatch.setattr(bodies, "LINGER_SECONDS", 0.05)
    status, _ = await ask(BodyGuard(echo, 10), [], [("content-length", "11")])
    assert status == 413


async def test_a_client_that_leaves_is_answered_nothing():
    gone = [piece(b"1", True), {"type": "http.disconnect"}]
    assert await ask(BodyGuard(echo, 10), gone, TYPED) == (None, b"")


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("application/json", 200),
        ("Application/JSON; charset=utf-8", 200),
        ("application/merge-patch+json", 200),
        ("text/json", 415),
        ("application/jsonp", 415),
        ("text/html+json", 415),
        ("", 415),
    ],
)
async def test_only_json_is_let_in(given, status):
    answered, _ = await ask(BodyGuard(echo, 10), [piece(b"1")], [("content-type", given)])
    assert answered == status


async def test_without_a_body_the_type_doesnt_matter():
    headers = [("content-type", "text/plain")]
    assert (await ask(BodyGuard(echo, 10), [piece(b"")], headers))[0] == 200
    assert (await ask(BodyGuard(echo, 10), [piece(b"1" * 20)], headers, "GET"))[0] == 200


async def test_whoever_sends_too_much_gets_to_read_why(database_url):
    async def pieces():
        for _ in range(100):
            yield b"x" * 100_000

    async with serving(database_url, max_body=1_000_000) as served:
        for sent in ({"content": b"x" * 10_000_000}, {"content": pieces()}):
            refused = await served.client.put("/prompts/x", headers=JSON, **sent)
            problem(refused, 413, "1,000,000 bytes")
            assert refused.headers["connection"] == "close"
        assert (await served.client.get("/prompts")).status_code == 200


async def test_a_body_within_the_limit_is_read_to_its_last_byte(database_url):
    text = "x" * 900_000
    async with serving(database_url, max_body=1_000_000) as served:
        made = await served.client.post("/prompts", json={"name": "long", "template": text})
        assert made.status_code == 201
        assert (await served.client.get("/prompts/long")).json()["template"] == text


async def test_a_broken_connection_leaves_the_server_well(served):
    address = served.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(address[0], int(address[1]))
    writer.write(b"POST /prompts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await served.client.get("/prompts")).status_code == 200
