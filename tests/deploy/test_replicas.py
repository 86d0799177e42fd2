"""What the containers run, without containers: the same commands and variables, two replicas behind
a proxy."""

import asyncio
import json
import os
import signal
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import anyio
import asyncpg
import pytest
from mcp import Client

from storage.tables import VERSION_TABLE
from tests.e2e.test_changes import Inbox
from tests.support.deployment import (
    SERVICES,
    Replica,
    container_environment,
    haproxy,
    health_command,
    http,
    image_command,
    replicas,
    run,
)
from tests.support.processes import DEVNULL, SECONDS, started_async
from tests.support.proxy import proxying

pytestmark = pytest.mark.slow

TEXT = {"template": "x"}
CHANGED = "notifications/prompts/list_changed"
OPENED = 'promptstack_mcp_requests_total{method="initialize"'
LISTED = 'promptstack_http_requests_total{method="GET",route="/prompts"'
WRITTEN = 'promptstack_http_requests_total{method="POST",route="/prompts"'


@pytest.fixture
def environment(database_url, tmp_path):
    return container_environment("promptstack", database_url, tmp_path)


@pytest.fixture
def plain_url(database_url):
    """For what a test does to the database behind the library's back."""
    return database_url.replace("+asyncpg", "")


@pytest.fixture(params=["haproxy", "small proxy"])
def make_proxy(request, tmp_path):
    if request.param == "small proxy":
        return proxying
    return lambda ports: haproxy(ports, tmp_path)


@asynccontextmanager
async def _behind(proxy, environment):
    """Two replicas, and the URL of the proxy before them."""
    async with replicas(environment) as (one, other), proxy([one.port, other.port]) as port:
        yield one, other, f"http://127.0.0.1:{port}"


def _client(url: str, era: str, **settings) -> Client:
    return Client(f"{url}/mcp", mode=era, read_timeout_seconds=SECONDS, **settings)


async def _names(client: Client) -> set[str]:
    return {prompt.name for prompt in (await client.list_prompts()).prompts}


class TestTheSchema:
    """Whose job it is."""

    @pytest.fixture
    def environment(self, empty_database_url, tmp_path):
        return container_environment("promptstack", empty_database_url, tmp_path)

    def test_serve_refuses_one_that_is_behind_and_the_job_brings_it_up(self, environment):
        refused = run(image_command(), environment)
        assert refused.returncode == 6
        assert "Run `promptstack migrate`, or start with --migrate." in refused.stderr
        assert "Traceback" not in refused.stderr
        for said in ("migrated to", "up to date at"):
            done = run(SERVICES["migrate"]["command"], environment)
            assert done.returncode == 0, done.stderr
            assert said in done.stdout

    async def test_serve_brings_it_up_where_it_is_told_to(self, environment):
        async with Replica(environment, *image_command(), "--migrate") as replica:
            assert (await replica.get("/prompts")).json()["items"] == []
            await replica.stop()


def test_config_shows_what_is_in_effect_and_no_secret(environment):
    given = [name for name in environment if name.endswith("_FILE")]
    assert given == ["DATABASE_URL_FILE", "PROMPTSTACK_STATE_KEY_FILE"]
    shown = json.loads(run(["config", "--json"], environment).stdout)
    assert shown["DATABASE_URL"] == shown["PROMPTSTACK_STATE_KEY"] == "********"
    assert shown["PROMPTSTACK_HOST"] == "0.0.0.0"
    assert shown["PROMPTSTACK_ALLOWED_HOSTS"] == ["localhost"]


async def test_sessions_stay_where_they_were_opened_and_hear_what_any_replica_writes(
    environment, make_proxy
):
    async with AsyncExitStack() as stack:
        one, other, url = await stack.enter_async_context(_behind(make_proxy, environment))
        inboxes = [Inbox() for _ in range(4)]
        clients = [
            await stack.enter_async_context(_client(url, "legacy", message_handler=inbox))
            for inbox in inboxes
        ]
        # Anywhere else than at home, a session is unknown.
        for _ in range(3):
            await asyncio.gather(*(_names(client) for client in clients))
        assert await _sum(one, OPENED) > 0
        assert await _sum(other, OPENED) > 0
        for replica, name in ((one, "first"), (other, "second")):
            for inbox in inboxes:
                inbox.methods.clear()
            await replica.create(name)
            for inbox in inboxes:
                await inbox.until(CHANGED)
        for client in clients:
            assert await _names(client) == {"first", "second"}


async def test_later_clients_and_rest_are_served_by_any_replica(environment, make_proxy):
    async with (
        _behind(make_proxy, environment) as (one, other, url),
        _client(url, "auto") as client,
        http(url) as rest,
        client.listen(prompts_list_changed=True) as heard,
    ):
        events = aiter(heard)
        for replica, name in ((one, "first"), (other, "second")):
            await replica.create(name)
            with anyio.fail_after(SECONDS):
                await anext(events)
        for number in range(4):
            assert await _names(client) == {"first", "second"}
            answer = await rest.put("/prompts/first", json={"template": f"newer {number}"})
            assert answer.status_code == 200
        await asyncio.gather(*(rest.get("/prompts") for _ in range(8)))
        for replica in (one, other):
            assert await _sum(replica, LISTED) > 0
            with anyio.fail_after(SECONDS):
                while (await replica.get("/prompts/first")).json()["version"] != 5:
                    await anyio.lowlevel.checkpoint()


async def test_a_replica_ends_in_good_order_while_clients_go_on_at_the_other(
    environment, plain_url, make_proxy
):
    async with AsyncExitStack() as stack:
        one, other, url = await stack.enter_async_context(_behind(make_proxy, environment))
        await other.create("held")
        for _ in range(4):
            client = await stack.enter_async_context(_client(url, "legacy"))
            assert await _names(client) == {"held"}
        listening = await stack.enter_async_context(_client(one.url, "auto"))
        await stack.enter_async_context(listening.listen(prompts_list_changed=True))
        direct = await stack.enter_async_context(http(one.url))
        async with asyncio.TaskGroup() as tasks, _locked(plain_url, "held"):
            writing = tasks.create_task(direct.put("/prompts/held", json={"template": "late"}))
            await _until_waiting(plain_url)
            stopping = tasks.create_task(one.stop())
            await _until_refused(one.port)
            async with http(url) as rest, _client(url, "legacy") as fresh:
                for number in range(6):
                    answer = await rest.post("/prompts", json={"name": f"p{number}"} | TEXT)
                    assert answer.status_code == 201, answer.text
                assert "p5" in await _names(fresh)
            assert not stopping.done()
        assert writing.result().status_code == 200


async def test_nothing_is_lost_while_a_replica_is_stopped(environment, tmp_path):
    async with _behind(lambda ports: haproxy(ports, tmp_path), environment) as (one, _, url):
        done = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            writers = [tasks.create_task(_write(url, name, done)) for name in "abc"]
            readers = [tasks.create_task(_ask(url, done)) for _ in range(3)]
            await _until_written(one, 10)
            await one.stop()
            done.set()
        assert all(writer.result() >= 3 for writer in writers)
        assert all(reader.result() >= 3 for reader in readers)


async def test_when_no_replica_is_ready_one_of_them_says_why_and_sessions_stay(
    environment, plain_url, tmp_path
):
    async with AsyncExitStack() as stack:
        proxy = _behind(lambda ports: haproxy(ports, tmp_path), environment)
        _, _, url = await stack.enter_async_context(proxy)
        clients = [await stack.enter_async_context(_client(url, "legacy")) for _ in range(4)]
        rest = await stack.enter_async_context(http(url))
        async with _schema_behind(plain_url):
            await _until(rest, "/replicas", 503)
            answer = await rest.get("/readyz")
            assert answer.status_code == 503
            assert "promptstack migrate" in answer.json()["checks"]["schema"]
            for client in clients:
                assert await _names(client) == set()
        await _until(rest, "/replicas", 200)
        assert (await rest.get("/readyz")).status_code == 200


async def test_the_health_check_of_the_image_says_whether_a_replica_is_ready(
    environment, plain_url
):
    async with Replica(environment) as replica:
        # Docker may put a proxy into a container's environment; this one isn't there.
        seen = environment | {"PROMPTSTACK_PORT": str(replica.port)}
        seen |= {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
        assert await _healthy(seen)
        async with _schema_behind(plain_url):
            assert not await _healthy(seen)
        assert await _healthy(seen)
        await replica.stop()
        assert not await _healthy(seen)


async def test_workers_share_a_port_and_one_that_dies_is_replaced_and_holds_nothing(environment):
    async with Replica(environment | {"PROMPTSTACK_WORKERS": "2"}) as replica:
        async with _client(replica.url, "legacy") as client:
            assert await _names(client) == set()
        for number in range(10):
            await replica.create(f"p{number}")
        assert await _sum(replica, WRITTEN) == 10
        assert await _sum(replica, "promptstack_listening") == 2
        first = _children(replica)
        os.kill(min(first), signal.SIGKILL)
        async with asyncio.timeout(SECONDS):
            while len(_children(replica) - first) < 1:
                await asyncio.sleep(0.05)
            while await _sum(replica, "promptstack_listening") != 2:
                await asyncio.sleep(0.05)
        await replica.create("still-served")
        await replica.stop()


async def test_workers_may_take_longer_to_begin_than_a_hung_one_is_waited_for(
    environment, tmp_path
):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, time\nif 'spawn_main' in ' '.join(sys.orig_argv): time.sleep(6)\n"
    )
    slow = {"PYTHONPATH": f"{tmp_path}:{environment['PYTHONPATH']}", "PROMPTSTACK_WORKERS": "2"}
    async with Replica(environment | slow) as replica:
        assert await _sum(replica, "promptstack_listening") == 2
        await replica.stop()


async def test_workers_that_cant_start_end_the_server_with_a_reason(environment, tmp_path):
    # Only they look for what sends traces, and it's hidden from them.
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.modules['opentelemetry.sdk.trace'] = None\n"
    )
    asked = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "PROMPTSTACK_WORKERS": "2"}
    asked["PYTHONPATH"] = f"{tmp_path}:{environment['PYTHONPATH']}"
    ended = await asyncio.to_thread(run, ["serve"], environment | asked)
    assert ended.returncode == 1
    assert "worker couldn't start" in ended.stderr
    assert "promptstack-mcp[otel]" in ended.stderr
    assert "/mcp" not in ended.stdout


def _children(replica: Replica) -> set[int]:
    """The processes of the workers."""
    pid = replica.process.pid
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    found = {int(each) for each in listed.split()}
    return {each for each in found if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()}


async def _sum(replica: Replica, series: str) -> int:
    """What a replica has counted."""
    lines = (await replica.get("/metrics")).text.splitlines()
    return sum(int(float(line.split()[-1])) for line in lines if line.startswith(series))


@asynccontextmanager
async def _locked(url: str, name: str):
    """Hold back whoever writes a prompt."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT 1 FROM prompts WHERE name = $1 FOR UPDATE", name)
            yield
    finally:
        await connection.close()


@asynccontextmanager
async def _schema_behind(url: str):
    """Let the schema look like that of an earlier version."""
    connection = await asyncpg.connect(url)
    try:
        is_at = await connection.fetchval(f"SELECT version_num FROM {VERSION_TABLE}")
        await connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '0000'")
        yield
        await connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = $1", is_at)
    finally:
        await connection.close()


async def _until_waiting(url: str) -> None:
    """Wait until somebody waits for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    connection = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(SECONDS):
            while not await connection.fetchval(f"{waiting} AND datname = current_database()"):
                await asyncio.sleep(0.02)
    finally:
        await connection.close()


async def _until_refused(port: int) -> None:
    """Wait until nobody listens any more."""
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                return
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            await asyncio.sleep(0.02)


async def _until(rest, path: str, status: int) -> None:
    """Wait until a path is answered with a status."""
    async with asyncio.timeout(SECONDS):
        while (await rest.get(path)).status_code != status:
            await asyncio.sleep(0.02)


async def _until_written(replica: Replica, count: int) -> None:
    """Wait until so many prompts were made through a replica."""
    async with asyncio.timeout(SECONDS):
        while await _sum(replica, WRITTEN) < count:
            await asyncio.sleep(0.02)


async def _write(url: str, name: str, done: asyncio.Event) -> int:
    """Make prompts until told to end; return how many."""
    count = 0
    async with http(url) as client:
        while not done.is_set():
            answer = await client.post("/prompts", json={"name": f"{name}{count}"} | TEXT)
            assert answer.status_code == 201, answer.text
            count += 1
    return count


async def _ask(url: str, done: asyncio.Event) -> int:
    """Read over MCP until told to end; return how often."""
    count = 0
    async with _client(url, "auto") as client:
        while not done.is_set():
            await _names(client)
            count += 1
    return count


async def _healthy(environment: dict[str, str]) -> bool:
    async with started_async(health_command(), env=environment, stderr=DEVNULL) as check:
        return await asyncio.wait_for(check.wait(), SECONDS) == 0
