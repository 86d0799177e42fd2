"""What may be imported before the handshake is answered."""

import subprocess
import sys

_HEAVY = """
import sys
import mcp_server.protocol.server
mine = [name for name in sys.modules if name.split(".")[0] in ("mcp_server", "storage")]
print(*sorted(mine), *(name for name in ("sqlalchemy", "asyncpg", "cachetools") if name in sys.modules))
"""


def test_the_door_is_imported_without_the_database_or_the_use_cases():
    loaded = subprocess.run(
        [sys.executable, "-c", _HEAVY], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "mcp_server.protocol.server" in loaded
    allowed = ("storage.entities", "storage.errors", "storage.pages", "storage.codecs")
    assert [name for name in loaded if name.startswith("storage.") and name not in allowed] == []
    service = [name for name in loaded if name.startswith("mcp_server.service.")]
    assert set(service) <= {"mcp_server.service.scope", "mcp_server.service.results"}
    assert not {"sqlalchemy", "asyncpg", "cachetools"} & set(loaded)
    assert not [name for name in loaded if name.startswith("mcp_server.schemas")]
