from prometheus_client.parser import text_string_to_metric_families

from tests.support.library import add_prompt
from tests.support.serving import serving


async def figures(client):
    """Return every figure by its name and labels."""
    page = await client.get("/metrics")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page.text)
        for sample in family.samples
    }


def requests(method, route, status):
    return (
        "promptstack_http_requests_total",
        ("method", method),
        ("route", route),
        ("status", status),
    )


async def test_requests_are_counted_by_their_route_and_not_by_their_path(client):
    await client.post("/prompts", json={"name": "x", "template": "x"})
    for _ in range(3):
        await client.get("/prompts/x")
    await client.get("/prompts/y")
    await client.head("/prompts/x")
    await client.get("/nothing/at/all")
    await client.get("/prompts", headers={"host": "evil.example"})
    counted = await figures(client)
    assert counted[requests("POST", "/prompts", "201")] == 1
    assert counted[requests("GET", "/prompts/{prompt}", "200")] == 3
    assert counted[requests("GET", "/prompts/{prompt}", "404")] == 1
    assert counted[requests("HEAD", "/prompts/{prompt}", "200")] == 1
    assert counted[requests("GET", "(none)", "404")] == 1
    assert counted[requests("GET", "(none)", "421")] == 1
    seconds = ("promptstack_http_request_seconds_count", ("route", "/prompts/{prompt}"))
    assert counted[seconds] == 5


async def test_the_state_of_the_library_is_shown(database, database_url):
    # Written before anybody listens: news of it between two reads would be one more miss.
    await add_prompt(database, "x")
    async with serving(database_url) as served:
        for _ in range(3):
            await served.client.get("/prompts/x")
        counted = await figures(served.client)
    assert counted[("promptstack_listening",)] == 1
    assert counted[("promptstack_pool_connections",)] >= 1
    assert counted[("promptstack_prompt_reads_total",)] == 3
    hits, misses = (
        counted[("promptstack_cache_hits_total",)],
        counted[("promptstack_cache_misses_total",)],
    )
    assert (hits, misses) == (2, 1)


async def test_open_metrics_is_spoken_to_those_who_ask_for_it(client):
    page = await client.get("/metrics", headers={"accept": "application/openmetrics-text"})
    assert page.headers["content-type"].startswith("application/openmetrics-text")
    assert page.text.endswith("# EOF\n")
