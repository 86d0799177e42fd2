"""Data roots of the embedded PostgreSQL, as this program names what belongs to them."""

from pathlib import Path
from typing import Any

from storage.embedded.owner import Owner
from storage.embedded.paths import Root

OWNER = Owner(
    name="promptstack",
    folder_setting="PROMPTSTACK_DATA_DIR",
    programs_setting="PROMPTSTACK_PG_BINDIR",
    server_setting="DATABASE_URL",
    dump_command="promptstack db dump",
)


def root_in(data_dir: Path | None, **options: Any) -> Root:
    """Return the root in a folder; `options` are those of `Root.of`."""
    return Root.of(OWNER, data_dir, **options)
