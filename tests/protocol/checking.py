"""Snapshots of what the MCP door publishes, one JSON file each."""

from pathlib import Path

from tests.support import snapshots

FOLDER = Path(__file__).parent / "snapshots"


def check_snapshot(name: str, value: object) -> None:
    """Compare with the snapshot of that name."""
    snapshots.check_snapshot(FOLDER / f"{name}.json", value)
