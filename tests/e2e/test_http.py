"""MCP over HTTP as clients meet it: both eras at one address, replicas, and an orderly end."""

import asyncio
import json
import re
from contextlib import asynccontextmanager

import anyio
import mcp_types as types
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitResult

from tests.e2e.test_changes import Inbox
from tests.support.effort import examples
from tests.support.processes import SECONDS
from tests.support.serving import serving

KEY = "a key that every replica has, long enough to seal with"
MODERN = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


@pytest.fixture
async def served(database_url):
    async with serving(database_url) as running:
        yield running


def _client(served, era: str, **settings) -> Client:
    return Client(f"{served.url}/mcp", mode=era, read_timeout_seconds=SECONDS, **settings)


async def _create(client: Client, name: str, template: str = "x") -> None:
    result = await client.call_tool("create_prompt", {"name": name, "template": template})
    assert not result.is_error, result.content


async def _names(client: Client) -> list[str]:
    return [prompt.name for prompt in (await client.list_prompts()).prompts]


def _modern(method: str, number: object = 1, **params: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": {**params, "_meta": META}}


def _headers(method: str, **others: str) -> dict[str, str]:
    return {
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": MODERN,
        "mcp-method": method,
        **others,
    }


async def test_both_eras_are_answered_at_one_address(served, era):
    async with _client(served, era) as client:
        await _create(client, "greeting", "Hello {{name}}")
        assert await _names(client) == ["greeting"]
        got = await client.get_prompt("greeting", {"name": "Ada"})
        assert got.messages[0].content.text == "Hello Ada"
        read = await client.read_resource("prompt://greeting")
        assert read.contents[0].text == "Hello {{name}}"


@pytest.mark.parametrize("reader_era", ["legacy", "auto"])
async def test_a_change_through_one_replica_reaches_clients_of_another(database_url, reader_era):
    inbox = Inbox()
    async with (
        serving(database_url) as one,
        serving(database_url) as other,
        _client(one, reader_era, message_handler=inbox) as reader,
        _client(other, "auto") as writer,
    ):
        if reader_era == "legacy":
            await _create(writer, "fresh")
            await inbox.until("notifications/prompts/list_changed")
        else:
            async with reader.listen(prompts_list_changed=True) as heard:
                await _create(writer, "fresh")
                with anyio.fail_after(SECONDS):
                    async for _ in heard:
                        break
        assert await _names(reader) == ["fresh"]


async def test_a_write_over_rest_is_read_over_mcp_at_another_replica(database_url):
    async with serving(database_url) as one, serving(database_url) as other:
        await one.client.post("/prompts", json={"name": "shared", "template": "first"})
        async with _client(other, "auto") as reader:
            assert (await reader.get_prompt("shared")).messages[0].content.text == "first"
            answer = await one.client.put("/prompts/shared", json={"template": "second"})
            assert answer.status_code == 200
            with anyio.fail_after(SECONDS):
                while (await reader.get_prompt("shared")).messages[0].content.text != "second":
                    await anyio.lowlevel.checkpoint()


async def test_updates_at_once_are_numbered_without_a_gap(served):
    async with _client(served, "auto") as client:
        await _create(client, "contended", "version 1")
        writes = (
            client.call_tool("update_prompt", {"name": "contended", "template": f"writer {number}"})
            for number in range(31)
        )
        results = await asyncio.gather(*writes)
        assert sorted(each.structured_content["version"] for each in results) == list(range(2, 33))


async def test_without_sessions_the_earlier_era_is_answered_by_any_replica(database_url):
    async with serving(database_url, stateless=True) as served:
        async with _client(served, "legacy") as client:
            await _create(client, "anywhere")
            assert await _names(client) == ["anywhere"]
        listing = {"jsonrpc": "2.0", "id": 1, "method": "prompts/list"}
        headers = {"accept": "application/json", "mcp-protocol-version": "2025-06-18"}
        answer = await served.client.post("/mcp", json=listing, headers=headers)
        assert answer.json()["result"]["prompts"][0]["name"] == "anywhere"
        assert "mcp-session-id" not in answer.headers


class TestAskingForArguments:
    """`input_required` (MCP 2026-07-28)."""

    @staticmethod
    async def _fill_in(context, params) -> ElicitResult:
        assert params.requested_schema["required"] == ["language"]
        assert "'language'" in params.message
        return ElicitResult(action="accept", content={"language": "Rust"})

    @staticmethod
    async def _decline(context, params) -> ElicitResult:
        return ElicitResult(action="decline")

    @pytest.fixture(autouse=True)
    async def _prompt(self, served):
        await served.client.post(
            "/prompts", json={"name": "review", "template": "Review {{language}}"}
        )

    async def test_a_client_that_can_ask_is_asked_for_what_is_missing(self, served):
        async with _client(served, "auto", elicitation_callback=self._fill_in) as client:
            got = await client.get_prompt("review")
            assert got.messages[0].content.text == "Review Rust"

    async def test_one_that_has_everything_is_not_asked(self, served):
        async with _client(served, "auto", elicitation_callback=self._decline) as client:
            got = await client.get_prompt("review", {"language": "Go"})
            assert got.messages[0].content.text == "Review Go"

    async def test_a_user_who_declines_gets_the_error(self, served):
        async with _client(served, "auto", elicitation_callback=self._decline) as client:
            with pytest.raises(MCPError, match="'language' is missing"):
                await client.get_prompt("review")

    async def test_a_client_of_the_earlier_era_gets_the_error(self, served):
        async with _client(served, "legacy", elicitation_callback=self._fill_in) as client:
            with pytest.raises(MCPError, match="'language' is missing"):
                await client.get_prompt("review")

    async def test_a_client_that_can_not_ask_gets_the_error(self, served):
        async with _client(served, "auto") as client:
            with pytest.raises(MCPError, match="'language' is missing"):
                await client.get_prompt("review")

    @staticmethod
    @asynccontextmanager
    async def _asked(served):
        """Ask by hand, as a client does that takes its time."""
        meta = META | {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}}
        call = _modern("prompts/get", name="review")
        call["params"]["_meta"] = meta
        headers = _headers("prompts/get", **{"mcp-name": "review"})
        answer = await served.client.post("/mcp", json=call, headers=headers)
        result = answer.json()["result"]
        assert result["resultType"] == "input_required"

        async def answered(by, state: str | None = None):
            filled_in = {"action": "accept", "content": {"language": "Rust"}}
            retry = json.loads(json.dumps(call))
            retry["params"]["inputResponses"] = {"arguments": filled_in}
            retry["params"]["requestState"] = state or result["requestState"]
            return (await by.client.post("/mcp", json=retry, headers=headers)).json()

        yield answered

    async def test_the_version_that_was_asked_for_is_rendered_though_a_newer_one_came(self, served):
        async with self._asked(served) as answered:
            await served.client.put("/prompts/review", json={"template": "New {{language}}"})
            got = await answered(served)
            assert got["result"]["messages"][0]["content"]["text"] == "Review Rust"

    async def test_a_state_that_was_tampered_with_is_refused(self, served):
        async with self._asked(served) as answered:
            assert (await answered(served, "v1.forged"))["error"]["code"] == types.INVALID_PARAMS

    async def test_a_replica_with_the_same_key_takes_the_answer(self, database_url):
        async with (
            serving(database_url, state_keys=(KEY,)) as one,
            serving(database_url, state_keys=(KEY,)) as other,
            self._asked(one) as answered,
        ):
            got = await answered(other)
            assert got["result"]["messages"][0]["content"]["text"] == "Review Rust"

    async def test_a_replica_with_another_key_refuses_it(self, database_url):
        async with (
            serving(database_url, state_keys=(KEY,)) as one,
            serving(database_url) as other,
            self._asked(one) as answered,
        ):
            assert (await answered(other))["error"]["code"] == types.INVALID_PARAMS


async def test_the_development_header_names_the_author(database_url, era):
    async with (
        serving(database_url, allow_dev_headers=True) as served,
        _http_client({"X-Dev-User": "Grace"}) as http,
    ):
        from mcp.client.streamable_http import streamable_http_client

        transport = streamable_http_client(f"{served.url}/mcp", http_client=http)
        async with Client(transport, mode=era) as client:
            await _create(client, "signed")
        answer = await served.client.get("/prompts/signed")
        assert answer.json()["created_by"] == "Grace"


@asynccontextmanager
async def _http_client(headers):
    import httpx2

    async with httpx2.AsyncClient(headers=headers, trust_env=False) as client:
        yield client


class TestTheEnd:
    """What a stop does to clients."""

    async def test_a_listen_stream_is_told_that_it_ends(self, served):
        call = _modern("subscriptions/listen", notifications={"promptsListChanged": True})
        headers = _headers("subscriptions/listen")
        async with served.client.stream("POST", "/mcp", json=call, headers=headers) as stream:
            lines = stream.aiter_lines()
            async for line in lines:
                if "acknowledged" in line:
                    break
            with anyio.fail_after(SECONDS):
                await served.application.drain()
                rest = [line async for line in lines]
        assert any('"result"' in line for line in rest)

    async def test_the_stream_of_a_session_ends(self, served):
        async with _client(served, "legacy") as client:
            await _names(client)
            with anyio.fail_after(SECONDS):
                await served.application.drain()


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"mcp-method": "prompts/list"}, types.HEADER_MISMATCH),
        ({"mcp-name": "other"}, types.HEADER_MISMATCH),
        ({"mcp-protocol-version": "2031-01-01"}, types.HEADER_MISMATCH),
    ],
    ids=["method", "name", "version"],
)
async def test_headers_that_contradict_the_body_are_refused(served, headers, code):
    call = _modern("prompts/get", name="review")
    sent = _headers("prompts/get", **{"mcp-name": "review"}) | headers
    answer = await served.client.post("/mcp", json=call, headers=sent)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code


async def test_an_unknown_session_is_not_found(served):
    headers = {"mcp-session-id": "0" * 32, "accept": "application/json"}
    call = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    assert (await served.client.post("/mcp", json=call, headers=headers)).status_code == 404


@pytest.mark.parametrize(
    ("method", "headers", "body", "status"),
    [
        ("POST", {"content-type": "text/plain"}, b"{}", 415),
        ("POST", {"content-type": "application/json", "accept": "text/html"}, b"{}", 406),
        ("POST", {"content-type": "application/json"}, b"{" * 5_000_000, 413),
        ("POST", {"content-type": "application/json", "host": "evil.example"}, b"{}", 421),
        ("POST", {"content-type": "application/json", "origin": "http://evil.example"}, b"{}", 403),
        ("PATCH", {"content-type": "application/json"}, b"{}", 405),
    ],
    ids=["type", "accept", "size", "host", "origin", "method"],
)
async def test_what_is_no_mcp_request_is_refused_before_it_is_read(
    served, method, headers, body, status
):
    sent = {"accept": "application/json, text/event-stream", **headers}
    answer = await served.client.request(method, "/mcp", content=body, headers=sent)
    assert answer.status_code == status


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
_METHODS = st.sampled_from(
    [
        "prompts/list",
        "prompts/get",
        "tools/call",
        "tools/list",
        "resources/read",
        "resources/list",
        "completion/complete",
        "subscriptions/listen",
        "initialize",
        "nothing",
    ]
)
_NAMES = st.sampled_from(
    ["name", "arguments", "uri", "cursor", "ref", "argument", "requestState", "inputResponses"]
)
_CALLS = st.fixed_dictionaries(
    {
        "jsonrpc": st.just("2.0") | _JSON,
        "id": st.integers() | st.text(max_size=5) | _JSON,
        "method": _METHODS | _JSON,
        "params": st.dictionaries(_NAMES, _JSON) | _JSON,
    }
)


async def test_no_json_makes_the_server_fail(served):
    asked: list[tuple[str, object, int]] = []

    async def ask(message: object) -> None:
        method = message.get("method") if isinstance(message, dict) else None
        if isinstance(message, dict) and isinstance(message.get("params"), dict):
            message = message | {"params": message["params"] | {"_meta": META}}
        named = method if isinstance(method, str) and method.isascii() else "x"
        body = json.dumps(message).encode()
        for headers in (_headers(named.strip() or "x"), {"accept": "application/json"}):
            # What no header can hold isn't ours to refuse.
            if any(re.search(r"[\x00-\x1f\x7f]|^ | $", value) for value in headers.values()):
                continue
            sent = {**headers, "content-type": "application/json"}
            answer = await served.client.post("/mcp", content=body, headers=sent)
            asked.append((named, message, answer.status_code))
            assert answer.status_code < 500, (message, answer.text)
            error = answer.json().get("error") if answer.content else None
            assert not error or error["code"] != types.INTERNAL_ERROR, (message, answer.text)

    loop = asyncio.get_running_loop()

    @settings(
        max_examples=examples(150),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(_CALLS | _JSON)
    def fuzz(message: object) -> None:
        if isinstance(message, dict) and message.get("method") == "subscriptions/listen":
            return
        asyncio.run_coroutine_threadsafe(ask(message), loop).result(30)

    await asyncio.to_thread(fuzz)
    assert len(asked) > 100


async def test_a_server_whose_background_work_fails_says_so_instead_of_serving_half(
    database_url, monkeypatch
):
    from mcp_server.http.metrics import Metrics

    failing = asyncio.Event()

    async def fail(self, live) -> None:
        await failing.wait()
        raise ValueError("a bug")

    monkeypatch.setattr(Metrics, "watch", fail)
    async with serving(database_url) as served:
        failing.set()
        with anyio.fail_after(SECONDS):
            while served.application.failure is None:
                await anyio.lowlevel.checkpoint()
        assert "A fault" in served.application.failure.message


async def test_a_file_may_be_larger_than_other_bodies(database_url):
    lines = [json.dumps({"name": f"p{n}", "template": "x" * 900}) for n in range(20)]
    body = "\n".join(lines)
    headers = {"content-type": "application/jsonl"}

    async def pieces():
        for at in range(0, len(body), 1_000):
            yield body[at : at + 1_000].encode()

    async with serving(database_url, max_body=2_000, max_import=30_000) as served:
        done = await served.client.post("/import", content=pieces(), headers=headers)
        assert (done.status_code, done.json()["created"]) == (200, 20), done.text
        again = await served.client.post("/import", content=f"{body}\n{body}", headers=headers)
        assert again.status_code == 413
        assert "larger than 30,000 bytes" in again.json()["detail"]
        refused = await served.client.post(
            "/import", content=body, headers={**headers, "origin": "https://evil.example"}
        )
        assert refused.status_code == 403
        exported = await served.client.get("/export?format=jsonl")
        assert len(exported.text.splitlines()) == 20
