"""What the Dockerfile, compose.yaml and deploy/haproxy.cfg say, run without containers."""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE, CompletedProcess
from typing import Any, Self

import httpx2
import pytest
import yaml

from tests.support import processes
from tests.support.processes import SECONDS

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
HAPROXY = ROOT / "deploy" / "haproxy.cfg"

_PROMPTSTACK = [sys.executable, "-m", "mcp_server"]
_NONE_IS_READY = "{ nbsrv(replicas) eq 0 }"
_TEMPLATE = re.compile(r"^( +)server-template (\w+) \S+ \S+( check.*)? resolvers .*$", re.MULTILINE)
_INTERPOLATED = re.compile(r"\$\{(\w+):-([^}]*)\}")


def instructions(name: str) -> list[str]:
    """Return what follows a word of the Dockerfile, each time it stands there."""
    joined = DOCKERFILE.replace("\\\n", " ")
    return [
        line.split(maxsplit=1)[1] for line in joined.splitlines() if line.startswith(f"{name} ")
    ]


def image_variables() -> dict[str, str]:
    """Return the environment of the image."""
    pairs = (pair.split("=", 1) for line in instructions("ENV") for pair in line.split())
    return {name: value for name, value in pairs if name != "PATH"}


def image_command() -> list[str]:
    """Return what a container runs that isn't told what, behind the entry point."""
    return json.loads(instructions("CMD")[-1])


def health_command() -> list[str]:
    """Return the health check of the image, for the Python that runs the tests."""
    program, *words = json.loads(instructions("HEALTHCHECK")[0].partition("CMD ")[2])
    assert program == "python"
    return [sys.executable, *words]


def interpolated(value: str) -> str:
    """Return a value of compose.yaml where nobody sets anything."""
    return _INTERPOLATED.sub(lambda found: found[2], value)


def container_environment(service: str, database_url: str, secrets: Path) -> dict[str, str]:
    """Return what a container of a service sees, with the secrets in files and on a free port."""
    given = image_variables()
    given |= {name: interpolated(text) for name, text in SERVICES[service]["environment"].items()}
    given["DATABASE_URL"] = database_url
    for name in ("DATABASE_URL", "PROMPTSTACK_STATE_KEY"):
        if name in given:
            file = secrets / name.lower()
            file.write_text(given.pop(name) + "\n")
            given[f"{name}_FILE"] = str(file)
    inherited = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    return {**inherited, **given, "PROMPTSTACK_PORT": "0", "PYTHONPATH": str(ROOT)}


def run(words: Sequence[str], environment: dict[str, str]) -> "CompletedProcess[str]":
    """Run a command of ours to its end."""
    return processes.run([*_PROMPTSTACK, *words], env=environment, text=True)


class Replica:
    """A `serve` process, from when it is ready."""

    def __init__(self, environment: dict[str, str], *words: str) -> None:
        self._environment = environment
        self._words = words or image_command()
        self.port = 0

    @property
    def url(self) -> str:
        """Where it is reached without a proxy."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        command = [*_PROMPTSTACK, *self._words]
        async with AsyncExitStack() as stack:
            self.process = await stack.enter_async_context(
                processes.started_async(command, env=self._environment, stdout=PIPE, stderr=PIPE)
            )
            self._reading: list[asyncio.Task[str]] = []
            stack.push_async_callback(self._stop_reading)
            self._errors = self._read(self.process.stderr)
            async with asyncio.timeout(SECONDS):
                await self._ready()
            self._ending = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._ending.aclose()

    async def stop(self) -> str:
        """Stop as Docker does, in good order; returns what was logged."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(SECONDS):
            code = await self.process.wait()
        logged = await self._errors
        assert code == 0, logged
        assert "Traceback" not in logged, logged
        return logged

    async def get(self, path: str) -> httpx2.Response:
        """Ask without a proxy."""
        async with http(self.url) as client:
            return await client.get(path)

    async def create(self, name: str) -> None:
        """Make a prompt without a proxy."""
        async with http(self.url) as client:
            answer = await client.post("/prompts", json={"name": name, "template": "x"})
            assert answer.status_code == 201, answer.text

    async def _ready(self) -> None:
        assert self.process.stdout is not None
        announced = re.compile(rb"MCP +http://[^:]+:(\d+)/mcp")
        async for line in self.process.stdout:
            if found := announced.search(line):
                self.port = int(found[1])
                self._read(self.process.stdout)
                # It listens already, so an answer comes as soon as there is one.
                assert (await self.get("/readyz")).status_code == 200
                return
        raise AssertionError(await self._errors)

    def _read(self, stream: asyncio.StreamReader | None) -> "asyncio.Task[str]":
        self._reading.append(asyncio.create_task(_whole(stream)))
        return self._reading[-1]

    async def _stop_reading(self) -> None:
        for task in self._reading:
            task.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)


@asynccontextmanager
async def replicas(environment: dict[str, str], count: int = 2) -> AsyncIterator[list[Replica]]:
    """Run several replicas at once."""
    made = [Replica(environment) for _ in range(count)]
    async with AsyncExitStack() as stack:
        starting = (stack.enter_async_context(one) for one in made)
        begun = await asyncio.gather(*starting, return_exceptions=True)
        failures = [each for each in begun if isinstance(each, BaseException)]
        assert not failures, failures
        yield made


def http(url: str) -> httpx2.AsyncClient:
    """Return a client of REST."""
    return httpx2.AsyncClient(base_url=url, trust_env=False, timeout=SECONDS)


@asynccontextmanager
async def haproxy(ports: Sequence[int], folder: Path) -> AsyncIterator[int]:
    """Run HAProxy as compose.yaml does, before replicas on these ports; yields its own port."""
    program = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("HAProxy isn't installed here")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        configuration = folder / "haproxy.cfg"
        configuration.write_text(haproxy_configuration(ports, f"fd@{listening.fileno()}"))
        command = [program, "-db", "-q", "-f", configuration]
        async with processes.started_async(command, pass_fds=[listening.fileno()], stdout=DEVNULL):
            listening.close()  # it is HAProxy's alone now
            yield port


def haproxy_configuration(ports: Sequence[int], address: str) -> str:
    """Return the configuration with other addresses, faster checks, and a view on them.

    `/replicas` is answered 200 while any of them is ready.
    """
    written = HAPROXY.read_text().replace("maxconn 8000", "maxconn 200")
    watched = f"bind {address}\n    monitor-uri /replicas\n    monitor fail if {_NONE_IS_READY}"
    written = written.replace("bind :8000", watched)
    written = re.sub(r"inter \S+", "inter 200ms", written)

    def servers(template: re.Match[str]) -> str:
        name, how = template[2], template[3] or ""
        each = (f"server {name}{n} 127.0.0.1:{port}{how}" for n, port in enumerate(ports, 1))
        return "\n".join(f"{template[1]}{line}" for line in each)

    return _TEMPLATE.sub(servers, written)


async def _whole(stream: asyncio.StreamReader | None) -> str:
    assert stream is not None
    return (await stream.read()).decode()
