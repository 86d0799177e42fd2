"""What may be imported before the handshake is answered."""

import sys

from tests.support.processes import run

_LOADED = """
import sys
import {module}
watched = ("mcp_server", "storage", "sqlalchemy", "asyncpg", "cachetools")
print(*sorted(name for name in sys.modules if name.split(".")[0] in watched))
"""


def loaded_with(module: str) -> list[str]:
    script = _LOADED.format(module=module)
    return run([sys.executable, "-c", script], text=True, check=True).stdout.split()


def test_the_door_is_imported_without_the_database_or_the_use_cases():
    loaded = loaded_with("mcp_server.protocol.server")
    assert "mcp_server.protocol.server" in loaded
    storage = [name for name in loaded if name.startswith("storage.")]
    assert [name for name in storage if not name.startswith("storage.values")] == []
    service = [name for name in loaded if name.startswith("mcp_server.service.")]
    plain = ("callers", "readers", "results", "views")
    assert set(service) <= {f"mcp_server.service.{name}" for name in plain}
    assert not {"sqlalchemy", "asyncpg", "cachetools"} & set(loaded)
    assert not [name for name in loaded if name.startswith("mcp_server.schemas")]


def test_listing_the_tools_waits_for_no_database_either():
    loaded = loaded_with("mcp_server.protocol.tools.table")
    assert "mcp_server.schemas.prompts" in loaded
    assert not {"sqlalchemy", "asyncpg", "cachetools", "mcp_server.service.library"} & set(loaded)
