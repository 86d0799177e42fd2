"""Keeping a folder and the library in step: what is to be done with each prompt."""

import json
from dataclasses import replace
from hashlib import sha256
from typing import Literal

from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.formats.records import write_record

Step = Literal[
    "in step", "create", "update", "write file", "conflict", "file deleted", "prompt gone"
]


def fingerprint(file: PromptFile) -> str:
    """Return what tells a prompt's content from another one; who wrote it doesn't count."""
    record = write_record(replace(file, created_by=None, history=None))
    text = json.dumps(record, ensure_ascii=False, sort_keys=True)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def decide(base: str | None, file: str | None, library: str | None) -> Step:
    """Compare the fingerprints of a prompt: when both were last in step, in its file, and now.

    Nothing is ever deleted by this, and what changed on both sides is left to people.
    """
    if file == library:
        return "in step"
    if file is None:
        return "write file" if base is None else "file deleted"
    if library is None:
        return "create" if base is None else "prompt gone"
    if base == file:
        return "write file"
    return "update" if base == library else "conflict"
