"""Keeping a folder and the library in step: what is to be done with each prompt."""

import json
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Literal

from mcp_server.domain.configs import write_config
from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.formats.records import write_record

Step = Literal[
    "in step", "create", "update", "write file", "conflict", "file deleted", "prompt gone"
]


def fingerprint(file: PromptFile) -> str:
    """Return what tells a prompt's content from another one; who wrote it doesn't count."""
    record = write_record(replace(file, created_by=None, history=None))
    # Here order says something, as in a schema that a model answers by.
    record["model_config"] = write_config(file.draft.model_config)
    text = json.dumps(record, ensure_ascii=False, sort_keys=True)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Base:
    """A prompt as it was when its file and the library were last in step.

    `file` and `library` are its fingerprints on either side, which differ where the file says less
    than the library. `says` is what of the metadata the file said, `unsaid` what was told that it
    has no place for.
    """

    place: str
    file: str
    library: str
    says: frozenset[str] = frozenset()
    unsaid: frozenset[str] = frozenset()


def decide(base: Base | None, file: str | None, library: str | None, *, agree: bool) -> Step:
    """Compare a prompt's fingerprints in its file and in the library with those of last time.

    `agree` tells whether the file says nothing else than the library. Nothing is ever deleted by
    this, and what changed on both sides is left to people.
    """
    if file is None:
        return "in step" if library is None else "write file" if base is None else "file deleted"
    if library is None:
        return "create" if base is None else "prompt gone"
    if base is None:
        return "in step" if agree else "conflict"
    if base.file == file:
        return "in step" if base.library == library else "write file"
    if agree:
        return "in step"
    return "update" if base.library == library else "conflict"
