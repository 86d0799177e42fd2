import asyncio
from urllib.parse import urlsplit

import pytest

from mcp_server.http.hosts import AllowedHosts, is_any_address, is_loopback
from storage.values.errors import Invalid
from tests.rest.checking import problem
from tests.support.serving import serving

PREFLIGHT = {"access-control-request-method": "PUT", "access-control-request-headers": "if-match"}


@pytest.mark.parametrize(
    ("host", "admitted"),
    [
        ("127.0.0.1", True), ("127.0.0.1:8000", True), ("localhost:1", True), ("LOCALHOST", True),
        ("[::1]:8000", True), ("[::1]", True), ("localhost.", True), ("prompts.example", True),
        ("prompts.example:443", True), ("Prompts.Example", True), ("other.example:8443", True),
        ("other.example", False), ("evil.example", False), ("localhost.evil.example", False),
        ("evil.example#localhost", False), ("user@localhost.evil", False), ("", False),
        (None, False), ("[::1", False), ("127.0.0.1.evil.example", False), ("127.0.0.2", False),
    ],
)  # fmt: skip
def test_a_host_is_admitted_by_its_name(host, admitted):
    allowed = AllowedHosts.of("127.0.0.1", ["Prompts.example", "other.example:8443"], [])
    assert allowed.admits_host(host) is admitted


@pytest.mark.parametrize(
    ("origin", "admitted"),
    [
        (None, True), ("https://app.example", True), ("http://localhost:8000", True),
        ("http://localhost:9000", False), ("https://evil.example", False), ("null", False),
        ("", False), ("https://app.example.evil", False), ("http://app.example", False),
    ],
)  # fmt: skip
def test_a_page_is_admitted_by_its_origin(origin, admitted):
    allowed = AllowedHosts.of("127.0.0.1", [], ["https://app.example"])
    assert allowed.admits_origin(origin, "localhost:8000") is admitted
    assert AllowedHosts.of("127.0.0.1", [], ["*"]).admits_origin(origin, "localhost") is True


def test_a_server_that_other_machines_reach_has_to_be_told_its_names():
    for address in ("0.0.0.0", "::", ""):
        assert is_any_address(address)
        with pytest.raises(Invalid, match="--allowed-host"):
            AllowedHosts.of(address, [], [])
        assert AllowedHosts.of(address, ["*"], []).admits_host("whatever.example")
    assert not is_any_address("127.0.0.1")
    assert is_loopback("127.0.0.8")
    assert not is_loopback("prompts.example")


async def test_a_request_for_another_host_is_refused(client):
    for path in ("/prompts", "/docs", "/mcp", "/nothing"):
        refused = await client.get(path, headers={"host": "evil.example"})
        problem(refused, 421, "--allowed-host")


async def test_a_page_of_another_origin_is_refused_and_the_servers_own_is_not(served):
    client = served.client
    for origin in ("https://evil.example", "null"):
        refused = await client.post("/prompts", json={"template": "x"}, headers={"origin": origin})
        problem(refused, 403, "--allowed-origin")
    own = await client.post("/prompts", json={"template": "x"}, headers={"origin": served.url})
    assert own.status_code == 201
    assert "access-control-allow-origin" not in own.headers


async def test_a_host_that_stands_twice_lets_neither_in(served):
    address = urlsplit(served.url)

    async def status(*lines: str) -> int:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write("\r\n".join(["GET /prompts HTTP/1.1", *lines, "", ""]).encode())
        line = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return int(line.split()[1])

    ours, others = "host: localhost", "host: evil.example"
    assert [await status(ours, others), await status(others, ours)] == [400, 400]
    assert [await status(ours), await status(others), await status()] == [200, 421, 421]
    origins = ["origin: http://localhost", "origin: https://evil.example"]
    assert await status(ours, *origins) == 400


async def test_probes_are_answered_whatever_host_they_name(client):
    for path in ("/healthz", "/readyz", "/metrics"):
        probed = await client.get(
            path, headers={"host": "10.0.0.7:8000", "origin": "https://evil.example"}
        )
        assert probed.status_code == 200


async def test_an_origin_of_cors_may_read_write_and_see_the_headers_that_matter(database_url):
    origin = "https://app.example"
    async with serving(database_url, cors_origins=(origin,)) as served:
        client = served.client
        asked = await client.options("/prompts/x", headers={"origin": origin, **PREFLIGHT})
        assert asked.status_code == 200
        assert asked.headers["access-control-allow-origin"] == origin
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            assert method in asked.headers["access-control-allow-methods"]
        written = await client.post(
            "/prompts", json={"name": "x", "template": "x"}, headers={"origin": origin}
        )
        assert written.headers["access-control-allow-origin"] == origin
        seen = written.headers["access-control-expose-headers"]
        assert all(name in seen for name in ("ETag", "Link", "Location", "x-request-id"))
        missing = await client.get("/prompts/y", headers={"origin": origin})
        assert (missing.status_code, missing.headers["access-control-allow-origin"]) == (
            404,
            origin,
        )
        foreign = {"origin": "https://evil.example"}
        refused = await client.options("/prompts/x", headers={**foreign, **PREFLIGHT})
        assert refused.status_code == 400
        assert "access-control-allow-origin" not in refused.headers
        problem(await client.get("/prompts", headers=foreign), 403)


async def test_without_cors_no_page_of_another_origin_is_let_in(client):
    asked = await client.options("/prompts", headers={"origin": "https://app.example", **PREFLIGHT})
    problem(asked, 403)


async def test_any_origin_may_ask_where_the_operator_says_so(database_url):
    async with serving(database_url, cors_origins=("*",)) as served:
        got = await served.client.get("/prompts", headers={"origin": "https://any.example"})
        assert (got.status_code, got.headers["access-control-allow-origin"]) == (200, "*")
