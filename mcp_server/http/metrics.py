"""Metrics for Prometheus, at `/metrics`.

Events are counted as they happen; states (pool, listener) are polled every few seconds. With
several workers, the figures of all are added up, whichever of them answers.
"""

import os
import time
from collections import Counter as Tally
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types.methods import SPEC_CLIENT_METHODS
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPEN_METRICS
from prometheus_client.openmetrics.exposition import generate_latest as generate_open_metrics
from starlette.requests import Request
from starlette.responses import Response

from mcp_server.app import Live

SHARED_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""The variable for the folder of shared figures; `prometheus_client` reads it on import."""

_LOOK_SECONDS = 5.0
_REMEMBERED = 512
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """The metrics that an operator can watch."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self._requests = Counter(
            "promptstack_http_requests",
            "HTTP requests by method, route and status; status 0 left before an answer.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "promptstack_http_request_seconds",
            "Seconds from an HTTP request to the end of its answer.",
            ("route",),
            buckets=_BUCKETS,
            registry=registry,
        )
        self._calls = Counter(
            "promptstack_mcp_requests",
            "MCP requests by method and outcome: ok, failed (a tool's failed result) or an error's "
            "code.",
            ("method", "outcome"),
            registry=registry,
        )
        self._call_seconds = Histogram(
            "promptstack_mcp_request_seconds",
            "Seconds that an MCP request took.",
            ("method",),
            buckets=_BUCKETS,
            registry=registry,
        )
        self._states = _States(registry)
        # Finding a figure by its labels costs more than counting; there are few of them.
        self._request = lru_cache(_REMEMBERED)(self._requests.labels)
        self._duration = lru_cache(_REMEMBERED)(self._seconds.labels)
        self._call = lru_cache(_REMEMBERED)(self._calls.labels)
        self._call_duration = lru_cache(_REMEMBERED)(self._call_seconds.labels)

    def observe_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an HTTP request."""
        self._request(method, route, status).inc()
        self._duration(route).observe(seconds)

    async def observe_call(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Count an MCP request (middleware of the SDK's server)."""
        began = time.perf_counter()
        outcome = "ok"
        try:
            result = await call_next(ctx)
            if isinstance(result, dict) and result.get("isError"):
                outcome = "failed"
            return result
        except MCPError as error:
            outcome = str(error.error.code)
            raise
        except Exception:
            outcome = "bug"
            raise
        finally:
            # A stream lasts as long as its client likes: its duration means nothing.
            if ctx.request_id is not None and ctx.method != "subscriptions/listen":
                method = ctx.method if ctx.method in SPEC_CLIENT_METHODS else "(other)"
                self._call(method, outcome).inc()
                self._call_duration(method).observe(time.perf_counter() - began)

    async def watch(self, live: Live) -> None:
        """Update the metrics of the library every few seconds, until cancelled."""
        while True:
            self._states.look(live)
            await anyio.sleep(_LOOK_SECONDS)

    def look(self, live: Live) -> None:
        """Update the metrics of the library now."""
        self._states.look(live)

    def answer(self, request: Request) -> Response:
        """Return the figures, in the format that the client prefers."""
        registry = self._registry
        if os.environ.get(SHARED_VARIABLE):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        if "application/openmetrics-text" in request.headers.get("accept", ""):
            body = generate_open_metrics(registry)  # type: ignore[no-untyped-call]
            return Response(body, headers={"content-type": OPEN_METRICS})
        return Response(
            generate_latest(registry), headers={"content-type": "text/plain; version=0.0.4"}
        )


class _States:
    """The metrics of the library: its states, and the counts that it keeps itself."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, about: str) -> Gauge:
            return Gauge(name, about, registry=registry, multiprocess_mode="livesum")

        self._listening = gauge(
            "promptstack_listening",
            "Processes that hear every change; the others read from the database each time.",
        )
        self._pool_size = gauge("promptstack_pool_connections", "Open database connections.")
        self._pool_busy = gauge("promptstack_pool_busy", "Database connections in use.")
        self._counted = {
            "hits": Counter(
                "promptstack_cache_hits", "Prompts that were found in memory.", registry=registry
            ),
            "misses": Counter(
                "promptstack_cache_misses",
                "Prompts that had to be read from the database.",
                registry=registry,
            ),
            "reads": Counter(
                "promptstack_prompt_reads",
                "Prompts that were read or rendered, through whatever door.",
                registry=registry,
            ),
        }
        self._seen: Tally[str] = Tally()
        self._shared = Counter(
            "promptstack_shared_reads",
            "Reads whose version a label's weights decided.",
            ("prompt", "label", "version"),
            registry=registry,
        )
        self._shared_seen: Tally[tuple[str, str, int]] = Tally()

    def look(self, live: Live) -> None:
        """Take over the library's current states and counts."""
        self._listening.set(live.listener.listening)
        pool = live.database.pool
        self._pool_size.set(pool.open)
        self._pool_busy.set(pool.busy)
        for name, total in _totals(live):
            self._counted[name].inc(total - self._seen[name])
            self._seen[name] = total
        for key, total in live.core.counts.shared_reads.items():
            self._shared.labels(*key).inc(total - self._shared_seen[key])
            self._shared_seen[key] = total


def _totals(live: Live) -> Iterator[tuple[str, int]]:
    yield "hits", live.core.catalog.hits
    yield "misses", live.core.catalog.misses
    yield "reads", live.core.counts.reads
