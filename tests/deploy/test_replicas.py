"""What the containers run, without containers: the same commands and variables, two replicas behind
a proxy."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
import httpx2
import pytest
import yaml
from mcp import Client

from tests.e2e.test_changes import Inbox
from tests.support.proxy import proxying

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
PROMPTSTACK = [sys.executable, "-m", "mcp_server"]
SECONDS = 60


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def _environment(service: str, database_url: str, folder: Path) -> dict[str, str]:
    """What compose.yaml gives a service where nobody sets anything, with the secret in a file."""
    secret = folder / "database-url"
    secret.write_text(f"{database_url}\n")
    given = {
        name: value.rpartition(":-")[2].rstrip("}") if value.startswith("${") else value
        for name, value in SERVICES[service]["environment"].items()
    }
    del given["DATABASE_URL"]
    inherited = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    return {**inherited, **given, "DATABASE_URL_FILE": str(secret), "PYTHONPATH": str(ROOT)}


def _run(command: list[str], environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*PROMPTSTACK, *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


class Replica:
    """A `serve` process."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = environment | {"PROMPTSTACK_PORT": str(self.port)}

    async def __aenter__(self) -> "Replica":
        self.process = await asyncio.create_subprocess_exec(
            *PROMPTSTACK,
            "serve",
            env=self._environment,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        self._errors = asyncio.create_task(self.process.stderr.read())
        with anyio.fail_after(SECONDS):
            await self._answer()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process.returncode is None:
            await self.stop()

    async def stop(self) -> tuple[int, str]:
        """Stop as Docker does; returns the exit code and what was logged."""
        self.process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(self.process.wait(), SECONDS)
        return code, (await self._errors).decode()

    async def _answer(self) -> None:
        async with httpx2.AsyncClient(trust_env=False) as client:
            while self.process.returncode is None:
                try:
                    if (await client.get(f"{self.url}/readyz")).status_code == 200:
                        return
                except httpx2.TransportError:
                    await asyncio.sleep(0.05)
        raise AssertionError((await self._errors).decode())


@asynccontextmanager
async def _haproxy(ports, folder: Path):
    """HAProxy with the configuration of the repository, but for addresses."""
    port = _free_port()
    written = (ROOT / "deploy" / "haproxy.cfg").read_text()
    template = next(line for line in written.splitlines() if "server-template" in line)
    servers = "\n".join(
        f"    server replica{number} 127.0.0.1:{each} check inter 200ms fall 1 rise 1"
        for number, each in enumerate(ports)
    )
    configuration = folder / "haproxy.cfg"
    small = written.replace(template, servers).replace("maxconn 8000", "maxconn 200")
    configuration.write_text(small.replace("bind :8000", f"bind 127.0.0.1:{port}"))
    process = await asyncio.create_subprocess_exec(
        shutil.which("haproxy"), "-db", "-q", "-f", str(configuration)
    )
    try:
        await _listening(port)
        yield port
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _listening(port: int) -> None:
    with anyio.fail_after(SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return


@pytest.fixture(params=["haproxy", "small proxy"])
def make_proxy(request, tmp_path):
    if request.param == "small proxy":
        return proxying
    if shutil.which("haproxy") is None:
        pytest.skip("haproxy isn't installed here")
    return lambda ports: _haproxy(ports, tmp_path)


@pytest.fixture
def environment(database_url, tmp_path):
    return _environment("promptstack", database_url, tmp_path)


def test_serve_refuses_a_schema_that_nobody_made_and_migrate_makes_it(empty_database_url, tmp_path):
    environment = _environment("promptstack", empty_database_url, tmp_path)
    refused = _run(["serve"], environment | {"PROMPTSTACK_PORT": "0"})
    assert refused.returncode == 6
    assert "promptstack migrate" in refused.stderr
    assert "Traceback" not in refused.stderr
    made = _run(SERVICES["migrate"]["command"], environment)
    assert made.returncode == 0, made.stderr
    again = _run(SERVICES["migrate"]["command"], environment)
    assert "up to date" in again.stdout


def test_config_shows_what_is_in_effect_and_no_secret(environment):
    shown = json.loads(_run(["config", "--json"], environment).stdout)
    assert shown["DATABASE_URL"] == shown["PROMPTSTACK_STATE_KEY"] == "********"
    assert shown["PROMPTSTACK_ALLOWED_HOSTS"] == ["localhost"]


async def test_two_replicas_behind_a_proxy_are_one_library(environment, make_proxy):
    async with AsyncExitStack() as stack:
        one, other = [await stack.enter_async_context(Replica(environment)) for _ in range(2)]
        port = await stack.enter_async_context(make_proxy([one.port, other.port]))
        url = f"http://127.0.0.1:{port}"
        inbox = Inbox()
        legacy = await stack.enter_async_context(
            Client(f"{url}/mcp", mode="legacy", message_handler=inbox, read_timeout_seconds=30)
        )
        modern = await stack.enter_async_context(
            Client(f"{url}/mcp", mode="auto", read_timeout_seconds=30)
        )
        rest = await stack.enter_async_context(httpx2.AsyncClient(base_url=url, trust_env=False))
        # More requests than replicas: each replica gets some of them.
        for number in range(4):
            written = await rest.post("/prompts", json={"name": f"p{number}", "template": "x"})
            assert written.status_code == 201
        await inbox.until("notifications/prompts/list_changed")
        async with modern.listen(prompts_list_changed=True) as heard:
            for replica in (one, other):
                async with httpx2.AsyncClient(base_url=replica.url, trust_env=False) as direct:
                    name = f"through-{replica.port}"
                    await direct.post("/prompts", json={"name": name, "template": "x"})
                with anyio.fail_after(15):
                    async for _ in heard:
                        break
        for client in (legacy, modern):
            names = {prompt.name for prompt in (await client.list_prompts()).prompts}
            assert {"p0", "p3", f"through-{one.port}", f"through-{other.port}"} <= names


async def test_a_replica_ends_in_good_order_while_the_other_goes_on(environment, make_proxy):
    async with AsyncExitStack() as stack:
        one, other = [await stack.enter_async_context(Replica(environment)) for _ in range(2)]
        port = await stack.enter_async_context(make_proxy([one.port, other.port]))
        held = await stack.enter_async_context(
            Client(f"{one.url}/mcp", mode="legacy", read_timeout_seconds=30)
        )
        assert (await held.list_prompts()).prompts == []
        listening = await stack.enter_async_context(Client(f"{one.url}/mcp", mode="auto"))
        await stack.enter_async_context(listening.listen(prompts_list_changed=True))
        code, logged = await one.stop()
        assert code == 0, logged
        assert "Traceback" not in logged
        client = await stack.enter_async_context(
            httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False)
        )
        with anyio.fail_after(15):
            for number in range(6):
                answer = await client.post("/prompts", json={"name": f"p{number}", "template": "x"})
                assert answer.status_code == 201, answer.text


async def test_workers_share_a_port_and_their_figures(environment):
    async with Replica(environment | {"PROMPTSTACK_WORKERS": "2"}) as replica:
        async with Client(f"{replica.url}/mcp", mode="legacy") as client:
            assert (await client.list_prompts()).prompts == []
        async with httpx2.AsyncClient(base_url=replica.url, trust_env=False) as rest:
            for number in range(10):
                await rest.post("/prompts", json={"name": f"p{number}", "template": "x"})
            shown = (await rest.get("/metrics")).text
        counted = [
            float(line.split()[-1])
            for line in shown.splitlines()
            if line.startswith('promptstack_http_requests_total{method="POST",route="/prompts"')
        ]
        assert sum(counted) == 10
        code, logged = await replica.stop()
        assert code == 0, logged
        assert "Traceback" not in logged
