"""A client of the embedded PostgreSQL in a process of its own; it obeys lines on stdin.

Each line is a JSON list, a command and its arguments; each is answered by a line: ["ok", result]
or ["error", text].
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import asyncpg

from storage.embedded.lifecycle import ConnInfo, ensure
from storage.embedded.paths import Root
from tests.support.embedded import root_in


def fetch(connection: ConnInfo, sql: str) -> Any:
    """Run one statement in a session of its own; return the value it gives."""

    async def session() -> Any:
        database = await asyncpg.connect(
            host=connection.host,
            port=connection.port,
            user=connection.user,
            password=connection.password,
            database=connection.database,
        )
        try:
            return await database.fetchval(sql)
        finally:
            await database.close()

    return asyncio.run(session())


def obey(root: Root, command: str, arguments: list[str]) -> Any:
    match command:
        case "root":
            return str(root.path)
        case "ensure":
            ensure(root)
            return None
        case "fetch":
            return fetch(ensure(root), arguments[0])
        case "fork_and_ensure":
            return _fork_and_ensure(root)
    raise ValueError(command)


def _fork_and_ensure(root: Root) -> int:
    """Return the id of a child that is a client by itself and waits for its end."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        ensure(root)
        os.write(write, b".")
        # The parent's death closes the parent's end of stdin's pipe for this process, too.
        os.read(0, 1)
        os._exit(0)
    os.read(read, 1)
    return child


def main() -> None:
    data_dir = None if sys.argv[1] == "-" else Path(sys.argv[1])
    root = root_in(data_dir, idle_seconds=float(sys.argv[2]))
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        try:
            answer = ["ok", obey(root, command, arguments)]
        except Exception as error:
            answer = ["error", f"{type(error).__name__}: {error}"]
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
