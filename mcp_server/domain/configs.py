"""Provider settings of a version: any JSON that the database returns unchanged."""

import json
import math
from collections.abc import Mapping
from typing import Any

from mcp_server.domain.texts import TEXT, check_text, refused

MAX_CONFIG = 100_000
"""Characters of a model_config written as JSON."""

CONFIG_SCHEMA: Mapping[str, Any] = {
    "additionalProperties": {
        "anyOf": [
            {"type": ["null", "boolean", "number", "array", "object"]},
            {"type": "string", "pattern": TEXT},
        ]
    },
    "propertyNames": {"pattern": TEXT},
}
"""JSON Schema for the values that `check_config` accepts."""
_MAX_DEPTH = 32


def check_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model_config after checking that it can be stored as JSON.

    Raises:
        Invalid: it can't be stored, is nested too deeply or is too large.
    """
    _check_json(config, "model_config", _MAX_DEPTH)
    size = len(json.dumps(config, ensure_ascii=False))
    if size > MAX_CONFIG:
        raise refused(
            "model_config",
            f"has {size:,} characters; at most {MAX_CONFIG:,} are allowed. Keep only what the "
            "provider needs",
        )
    return dict(config)


def _check_json(value: object, path: str, depth: int) -> None:
    if depth == 0:
        raise refused("model_config", f"is nested more than {_MAX_DEPTH} levels deep. Flatten it")
    match value:
        case str():
            check_text(value, path)
        case float() if not math.isfinite(value):
            raise refused(path, f"is {value}, which JSON can't hold. Use a finite number")
        case None | bool() | int() | float():
            return
        case Mapping():
            for key, each in value.items():
                if not isinstance(key, str):
                    raise refused(path, f"has the key {key!r}, which is no text. Put it in quotes")
                _check_json(each, f"{path}.{check_text(key, path)}", depth - 1)
        case list() | tuple():
            for index, each in enumerate(value):
                _check_json(each, f"{path}[{index}]", depth - 1)
        case _:
            raise refused(path, f"is a {type(value).__name__}, which JSON can't hold. Use text")


def write_config(value: object) -> str:
    """Write settings, or a part of them, for comparison: key order and number types count.

    Models answer in the order of a schema's properties, and some providers accept 100 but not
    100.0.
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
