"""Settings are stored as they were written, since a model follows the order of a schema's keys.

Older settings have the order that JSONB gave them, since no other is known. From here on the order
counts in a version's content hash, so the hashes of versions with settings are made anew. Both ways
of hashing are repeated here: a step has to do tomorrow what it does today.
"""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_BATCH = 200
_CONTENT = ("arguments", "messages", "model_config", "model_type", "template_format", "variants")
_NEXT = sa.text(
    """
    SELECT prompt_id, version, content_hash, model_type, template_format, messages\\:\\:text,
      variants\\:\\:text, arguments\\:\\:text, model_config\\:\\:text
    FROM prompt_versions
    WHERE (prompt_id, version) > (:prompt_id, :version) AND model_config\\:\\:text <> '{}'
    ORDER BY prompt_id, version LIMIT :batch
    """
)
_REHASH = sa.text(
    "UPDATE prompt_versions SET content_hash = :content_hash "
    "WHERE prompt_id = :prompt_id AND version = :version"
)


def upgrade() -> None:
    _convert("json", _as_written)


def downgrade() -> None:
    _convert("jsonb", _sorted)


def _convert(kind: str, write: Callable[[Any], str]) -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.execute(
        f"ALTER TABLE prompt_versions ALTER COLUMN model_config DROP DEFAULT, "
        f"ALTER COLUMN model_config TYPE {kind} USING model_config::{kind}, "
        f"ALTER COLUMN model_config SET DEFAULT '{{}}'"
    )
    # Versions never change; this is the schema's own doing, and the table is locked meanwhile.
    op.execute("ALTER TABLE prompt_versions DISABLE TRIGGER append_only")
    for changed in _rehashed(write):
        op.get_bind().execute(_REHASH, changed)
    op.execute("ALTER TABLE prompt_versions ENABLE TRIGGER append_only")


def _rehashed(write: Callable[[Any], str]) -> Iterator[list[dict[str, object]]]:
    """Yield the hashes that are others now, some versions at a time."""
    last: dict[str, object] = {
        "prompt_id": "00000000-0000-0000-0000-000000000000", "version": 0
    }  # fmt: skip
    while rows := op.get_bind().execute(_NEXT, last | {"batch": _BATCH}).mappings().all():
        last = {"prompt_id": str(rows[-1]["prompt_id"]), "version": rows[-1]["version"]}
        hashes = [(row, _content_hash(row, write)) for row in rows]
        changed = [
            {
                "prompt_id": str(row["prompt_id"]),
                "version": row["version"],
                "content_hash": content_hash,
            }
            for row, content_hash in hashes
            if content_hash != row["content_hash"]
        ]
        if changed:
            yield changed


def _content_hash(row: sa.RowMapping, write: Callable[[Any], str]) -> str:
    parts = {
        "model_type": _dumped(row["model_type"]),
        "template_format": _dumped(row["template_format"]),
        "model_config": write(json.loads(row["model_config"])),
    } | {key: _sorted_keys(row[key]) for key in ("messages", "variants", "arguments")}
    text = ",".join(f'"{key}":{parts[key]}' for key in _CONTENT)
    return sha256(f"{{{text}}}".encode("utf-8", "surrogatepass")).hexdigest()


def _as_written(value: Any) -> str:
    return _dumped(value)


def _sorted(value: Any) -> str:
    """Write settings as they counted before: in the order of the alphabet, 1.0 as 1."""
    return _dumped(_canonical(value), sort_keys=True)


def _sorted_keys(text: str) -> str:
    return _dumped(json.loads(text), sort_keys=True)


def _dumped(value: Any, *, sort_keys: bool = False) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=sort_keys, separators=(",", ":"))


def _canonical(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(Decimal(repr(value)))
    if isinstance(value, dict):
        return {key: _canonical(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_canonical(each) for each in value]
    return value
