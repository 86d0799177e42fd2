"""Traces: sent where they are asked for, and nothing spent on them elsewhere."""

import sys
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from mcp import Client

from mcp_server.http import tracing
from storage.values.errors import Invalid
from tests.support.deployment import Replica, container_environment

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@contextmanager
def collecting():
    """A collector: yields its address, and the bodies that come to arrive there."""
    received = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", received
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.slow
async def test_a_request_is_traced_to_the_collector_that_the_environment_names(
    database_url, tmp_path
):
    with collecting() as (address, received):
        environment = container_environment("promptstack", database_url, tmp_path)
        async with Replica(environment | {ENDPOINT: address}) as replica:
            async with Client(f"{replica.url}/mcp", mode="auto") as client:
                await client.list_prompts()
            await replica.stop()
    sent = b"".join(received)
    assert b"prompts/list" in sent
    assert b"promptstack" in sent


def test_nothing_is_traced_unless_it_is_asked_for(monkeypatch):
    monkeypatch.delenv(ENDPOINT, raising=False)
    assert not tracing.is_traced()
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:4318")
    assert tracing.is_traced()
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert not tracing.is_traced()


def test_traces_need_the_package_that_sends_them(monkeypatch):
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:4318")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(Invalid, match=r"promptstack-mcp\[otel\]"), tracing.tracing("1"):
        pass
