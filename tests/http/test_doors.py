"""One more door: all that a web page needs is the value that its door exports."""

from contextlib import asynccontextmanager
from html import escape
from urllib.parse import parse_qs

import anyio
import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, StreamingResponse

from mcp_server.doors import FILES, FORM, Door, Doors
from mcp_server.http.application import Application
from mcp_server.http.health import probes
from mcp_server.http.library import ServedLibrary
from mcp_server.http.metrics import Metrics
from mcp_server.problems import Problem
from mcp_server.rest.api import rest_door
from mcp_server.rest.door import RestDoor
from mcp_server.service.callers import Caller, caller_in
from mcp_server.service.inputs import PromptInput
from tests.http.test_metrics import figures, requests
from tests.rest.checking import problem
from tests.support.processes import SECONDS
from tests.support.serving import serving

MOST = 1_000


class Pages:
    """A small web door: a list, a form, and a stream of news."""

    def __init__(self, ready, usual):
        self._ready = ready
        self._usual = usual
        self.heard = anyio.Event()
        self.happened = []
        self._ended = anyio.Event()

    def door(self):
        return Door(
            app=self,
            paths=("/ui", "/ui/"),
            body_types=(FORM, FILES),
            error_page=error_page,
            route=lambda scope: "/ui",
            is_stream=lambda scope: scope["path"] == "/ui/news",
            end_streams=self._ended.set,
            hear=self.hear,
            running=self.running,
        )

    async def __call__(self, scope, receive, send):
        await (await self._answer(Request(scope, receive)))(scope, receive, send)

    async def _answer(self, request):
        library = (await self._ready()).seen_by(caller_in(request.state, self._usual))
        match request.method, request.url.path:
            case "GET", "/ui":
                return HTMLResponse(f"<h1>{await library.prompts.count_published()} prompts</h1>")
            case "POST", "/ui/prompts":
                form = {name: given for name, (given,) in parse_qs(await request.body()).items()}
                written = PromptInput(template=form[b"template"].decode())
                await library.prompts.create(form[b"name"].decode(), written)
                return RedirectResponse("/ui", 303)
            case "GET", "/ui/news":
                return StreamingResponse(self._news(), media_type="text/event-stream")
            case "GET", "/ui/bug":
                raise RuntimeError("secret")
        return error_page(Problem(404, f"There is no page {request.url.path}."), request.scope)

    async def _news(self):
        yield "data: begun\n\n"
        await self._ended.wait()
        yield "data: ended\n\n"

    async def hear(self, changes):
        if "x" in [change.name for change in changes]:
            self.heard.set()

    @asynccontextmanager
    async def running(self):
        self.happened.append("begun")
        yield
        self.happened.append("ended")


def error_page(problem, scope):
    text = f"<h1>{problem.status}</h1><p>{escape(problem.detail)}</p>"
    return HTMLResponse(text, problem.status, dict(problem.headers))


@pytest.fixture
def pages():
    """What the application was made with, once it is made."""
    return []


@pytest.fixture
async def served(database_url, pages):
    def make(settings, view, page_size):
        usual = Caller(settings.actor, view, "rest")
        library, metrics = ServedLibrary(settings), Metrics()
        pages.append(Pages(library.ready, usual))
        rest = rest_door(RestDoor(library.ready, usual), "0")
        doors = (pages[0].door(), rest, probes(library.live, metrics))
        return Application(settings, usual, library, metrics, doors)

    async with serving(database_url, make=make, max_body=MOST, allow_dev_headers=True) as running:
        yield running


@pytest.fixture
def client(served):
    return served.client


def page(response, status, *words):
    """Check that a refusal came as a page."""
    assert response.status_code == status
    assert response.headers["content-type"].startswith("text/html")
    assert f"<h1>{status}</h1>" in response.text
    for each in words:
        assert each in response.text


async def test_a_form_is_taken_where_its_door_reads_forms(client):
    form = {"name": "x", "template": "Hello & goodbye"}
    sent = await client.post("/ui/prompts", data=form)
    assert (sent.status_code, sent.headers["location"]) == (303, "/ui")
    assert (await client.get("/ui")).text == "<h1>1 prompts</h1>"
    assert (await client.get("/prompts/x")).json()["template"] == "Hello & goodbye"
    problem(await client.post("/prompts", data=form), 415, "Send JSON, as application/json.")


async def test_a_body_of_another_type_is_refused_in_the_doors_words_and_form(client):
    refused = await client.post("/ui/prompts", json={"name": "x"})
    page(refused, 415, "application/json&#x27;. Send a form, as application/x-www-form-urlencoded")
    assert refused.headers["accept"] == "application/x-www-form-urlencoded, multipart/form-data"


async def test_what_is_refused_in_front_of_a_door_comes_as_its_page(client):
    large = {"template": "x" * MOST}
    page(await client.post("/ui/prompts", data=large), 413, "1,000 bytes")
    page(await client.get("/ui", headers={"host": "evil.example"}), 421, "--allowed-host")
    foreign = {"origin": "https://evil.example"}
    refused = await client.post("/ui/prompts", data={"name": "x"}, headers=foreign)
    page(refused, 403, "--allowed-origin")
    page(await client.get("/ui", headers={"x-dev-user": "a\tb"}), 422, "X-Dev-User")


async def test_what_fails_behind_a_door_comes_as_its_page(client, caplog):
    page(await client.get("/ui/nothing"), 404, "no page /ui/nothing")
    failed = await client.get("/ui/bug", headers={"x-request-id": "abc"})
    page(failed, 500, "its log tells more")
    assert failed.headers["x-request-id"] == "abc"
    assert "secret" not in failed.text
    assert "/ui/bug failed" in caplog.text


async def test_the_other_doors_answer_as_they_did(client):
    for path in ("/uix", "/nothing", "/"):
        problem(await client.get(path), 404, "/docs")
    problem(await client.get("/prompts", headers={"host": "evil.example"}), 421)
    assert (await client.get("/healthz", headers={"host": "10.0.0.7"})).status_code == 200


async def test_requests_are_counted_by_what_their_door_calls_them(client):
    for path in ("/ui", "/ui/nothing"):
        await client.get(path)
    counted = await figures(client)
    assert counted[requests("GET", "/ui", "200")] == counted[requests("GET", "/ui", "404")] == 1


async def test_a_door_hears_what_changed_whichever_door_it_came_through(client, pages):
    await client.post("/prompts", json={"name": "x", "template": "x"})
    with anyio.fail_after(SECONDS):
        await pages[0].heard.wait()


async def test_a_stream_of_a_door_ends_when_the_server_does(served, pages):
    async with served.client.stream("GET", "/ui/news") as news:
        lines = news.aiter_lines()
        assert await anext(lines) == "data: begun"
        with anyio.fail_after(SECONDS):
            await served.application.drain()
            assert "data: ended" in [line async for line in lines]
    assert pages[0].happened == ["begun"]


def test_the_longest_path_decides_which_door_answers():
    def door(*paths):
        return Door(app=error_page, paths=paths)

    rest, web, help_page = door("/"), door("/ui", "/ui/"), door("/ui/help/")
    doors = Doors([rest, web, help_page])
    for path in ("/", "/uix", "/prompts/ui/", "*", ""):
        assert doors.find(path) is rest
    for path in ("/ui", "/ui/", "/ui/help", "/ui/x/help/"):
        assert doors.find(path) is web
    assert doors.find("/ui/help/x") is help_page
    with pytest.raises(ValueError, match="two doors"):
        Doors([rest, web, door("/ui")])
    with pytest.raises(ValueError, match="no door answers /"):
        Doors([web])
