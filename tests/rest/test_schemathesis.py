"""Schemathesis: what the document says, against what the server does."""

import asyncio
import os
from contextlib import asynccontextmanager

import pytest
import schemathesis
import yaml
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS

from tests.rest.test_openapi import DOCUMENT
from tests.support.effort import examples
from tests.support.processes import SECONDS
from tests.support.serving import serving

pytestmark = pytest.mark.slow

schema = schemathesis.openapi.from_dict(DOCUMENT)
_BY_FORMAT = ("history", "guard_formulas")
# Making every combination of such nested bodies takes minutes before the first one is sent; values
# on and beyond each limit are told apart in test_openapi. Every check stays on.
schema.config.phases.coverage.enabled = False


# The first of YAML's names that Schemathesis knows is asked for all of them.
@schemathesis.deserializer("text/yaml", "application/yaml")
def _read_yaml(context, response):
    """Read an export: a document for each prompt, where Schemathesis would expect one in all."""
    return list(yaml.safe_load_all(response.content))


@asynccontextmanager
async def _library(url):
    """Serve a library in which the document's examples exist."""
    async with serving(url) as served:
        for method, path, body in (
            ("POST", "/prompts", {"name": "code-review", "template": "Review {{code}}"}),
            ("PUT", "/prompts/code-review", {"template": "Review this {{code}}"}),
            ("PUT", "/prompts/code-review", {"template": "Review this: {{code}}"}),
            ("PUT", "/prompts/code-review/labels/production", {"version": 2}),
            ("PUT", "/prompts/code-review/labels/staging", {"version": 3}),
        ):
            answer = await served.client.request(method, path, json=body)
            assert answer.is_success, answer.text
        yield served.url


@pytest.fixture(scope="module")
def api(postgres, template):
    """The address of a server in a thread of its own: Schemathesis waits for its answers."""
    name = f"ps_api_{os.getpid()}"
    asyncio.run(postgres.create_database(name, template))
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(_library(postgres.url(name))) as url,
    ):
        yield url
    asyncio.run(postgres.drop_database(name))


def _excluded(case):
    """Return the check that can't hold for a request whose fate its schema can't tell."""
    return [CHECKS.get_one("positive_data_acceptance")] if _depends_on_the_library(case) else []


def _depends_on_the_library(case):
    headers, query, body = case.headers or {}, case.query or {}, case.body
    return (
        # A cursor is good where a page before gave it.
        "cursor" in query
        # A condition may hold or not: 412 is an answer as good as any.
        or "if-match" in headers
        # Values are good where they are those that the prompt's text has blanks for.
        or case.operation.label == "POST /prompts/{prompt}/render"
        # A file is good where it is one of its format.
        or case.operation.label == "POST /import"
        # Some formats have no place for a history, and one alone has formulas.
        or (case.operation.label == "GET /export" and not query.keys().isdisjoint(_BY_FORMAT))
        # Declarations have to agree with each other: a default with its choices, and so on.
        or (isinstance(body, dict) and bool(body.get("arguments")))
    )


@schema.parametrize()
@settings(
    max_examples=examples(12),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_the_server_does_what_the_document_says(case, api):
    response = case.call(base_url=api, timeout=SECONDS)
    case.validate_response(response, excluded_checks=_excluded(case))
