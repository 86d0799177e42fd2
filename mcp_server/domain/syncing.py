"""Synchronizing a folder with the library: the step to take for each prompt."""

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
    """Return a hash of a prompt's content; its author and history don't count."""
    record = write_record(replace(file, created_by=None, history=None))
    # Key order counts here: models answer in the order of a schema's properties.
    record["model_config"] = write_config(file.draft.model_config)
    text = json.dumps(record, ensure_ascii=False, sort_keys=True)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Base:
    """A prompt as of the last time that its file and the library were in step.

    `file` and `library` are its fingerprints on either side, which differ if the file says less
    than the library. `says` are the metadata fields in the file, `unsaid` those that the user was
    told it has no place for.
    """

    place: str
    file: str
    library: str
    says: frozenset[str] = frozenset()
    unsaid: frozenset[str] = frozenset()


def decide(base: Base | None, file: str | None, library: str | None, *, agree: bool) -> Step:
    """Choose the step for a prompt from its fingerprints now and those of the last sync.

    `agree` tells whether the file says nothing that the library doesn't. No step deletes
    anything, and changes on both sides are left to people.
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
