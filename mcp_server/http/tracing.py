"""OpenTelemetry traces, if they are asked for.

The SDK makes a span of each MCP request, which goes nowhere unless a provider is set up. So that is
all that is left to do, as configured by the standard variables (`OTEL_EXPORTER_OTLP_ENDPOINT`, …).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from storage.values.errors import Invalid

_ASKING = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def is_traced() -> bool:
    """Return whether traces go anywhere: to an exporter asked for here, or to the host process."""
    from opentelemetry import trace

    is_set_up = not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    return is_set_up or _is_asked_for()


@contextmanager
def tracing(version: str) -> Iterator[None]:
    """Send traces while the block runs, if the environment asks for it.

    Raises:
        Invalid: it does, but OpenTelemetry isn't installed.
    """
    if not _is_asked_for():
        yield
        return
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise Invalid(
            f"{_ASKING[0]} asks for traces, but OpenTelemetry isn't installed. Install it with: "
            "pip install 'promptstack-mcp[otel]'"
        ) from None
    attributes = {"service.name": "promptstack", "service.version": version}
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES take precedence.
    resource = Resource.create(attributes).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()


def _is_asked_for() -> bool:
    asked = any(os.environ.get(variable, "").strip() for variable in _ASKING)
    return asked and os.environ.get("OTEL_SDK_DISABLED", "").lower() != "true"
