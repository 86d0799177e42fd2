"""Snapshots: what is published, one JSON file each, rewritten only with UPDATE_SNAPSHOTS=1."""

import json
import os
from pathlib import Path


def check_snapshot(path: Path, value: object) -> None:
    """Compare with the snapshot; a missing one is a difference."""
    written = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        path.write_text(written, encoding="utf-8")
    kept = path.read_text(encoding="utf-8") if path.exists() else None
    assert kept == written, f"{path.name} differs: look at it, then run with UPDATE_SNAPSHOTS=1"
