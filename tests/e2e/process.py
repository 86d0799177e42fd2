"""A server process under a test's hand: lines in, lines out, no SDK in between."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tests.e2e.conftest import child_environment
from tests.support.processes import PIPE, SECONDS, end, start


class ServerProcess:
    def __init__(
        self,
        environment: dict[str, str],
        folder: Path,
        *options: str,
        stdout: int | IO[bytes] = PIPE,
    ) -> None:
        self.process = start(
            [sys.executable, "-m", "mcp_server", *options],
            stdin=PIPE,
            stdout=stdout,
            stderr=PIPE,
            env=child_environment(environment),
            cwd=folder,
            text=True,
            encoding="utf-8",
        )
        self._number = 0

    def send_line(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def send_bytes(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.buffer.write(line)
        self.process.stdin.flush()

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the server closed its output"
        return json.loads(line)

    def ask(self, method: str, **params: object) -> dict[str, Any]:
        """Return the answer's result or error, skipping notifications."""
        self._number += 1
        request = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params}
        self.send_line(json.dumps(request))
        while True:
            answer = self.read()
            if answer.get("id") == self._number:
                return answer.get("result", answer.get("error"))

    def shake_hands(self) -> dict[str, Any]:
        client = {"name": "test", "version": "1"}
        answer = self.ask(
            "initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=client
        )
        self.send_line('{"jsonrpc": "2.0", "method": "notifications/initialized"}')
        return answer

    def call(self, tool: str, **arguments: object) -> dict[str, Any]:
        return self.ask("tools/call", name=tool, arguments=arguments)

    def finish(self) -> tuple[int, str]:
        """Close the client's end; return the exit code and what stood on standard error."""
        _, errors = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, errors


@contextmanager
def serving(
    environment: dict[str, str],
    folder: Path,
    *options: str,
    stdout: int | IO[bytes] = PIPE,
) -> Iterator[ServerProcess]:
    server = ServerProcess(environment, folder, *options, stdout=stdout)
    try:
        yield server
    finally:
        end(server.process)
