"""Done once a process, although each test has a database and clients of its own."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from sqlalchemy.ext.asyncio import create_async_engine

from storage import pools


class _Statements(dict[Any, Any]):
    """Compiled statements, for engines that are all made alike: their dialects aren't compared."""

    def get(self, key: Any, default: Any = None) -> Any:
        _dialect, *what = key
        return super().get(tuple(what), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        _dialect, *what = key
        super().__setitem__(tuple(what), compiled)


def share_statements(patch: pytest.MonkeyPatch) -> None:
    """Let all pools of this process use each other's compiled statements.

    Compiling anew for each test took a sixth of the time of those with a database.
    """
    options = {"compiled_cache": _Statements()}
    patch.setattr(
        pools, "create_async_engine", partial(create_async_engine, execution_options=options)
    )


def share_checked_schemas(patch: pytest.MonkeyPatch) -> None:
    """Let MCP clients check no schema of a tool that another one found to be valid."""
    check = Draft202012Validator.check_schema
    valid: set[str] = set()

    def check_once(schema: Mapping[str, Any], **options: Any) -> None:
        text = json.dumps([schema, sorted(options)], sort_keys=True, default=repr)
        if text not in valid:
            check(schema, **options)
            valid.add(text)

    patch.setattr(Draft202012Validator, "check_schema", check_once)
