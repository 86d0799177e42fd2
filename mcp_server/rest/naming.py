"""Naming: what a file that arrives over HTTP is called, for texts that don't say their own name."""

import re
from collections.abc import Iterator
from email.message import Message
from pathlib import PurePosixPath

from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.names import check_name
from storage.values.errors import Invalid

_UNSHOWABLE = re.compile("[\0-\x1f\x7f\ud800-\udfff]")
_MAX_NAME = 255
UNNAMED = "body"
"""What a file without a name is called in sentences."""


def path_name(name: str | None, disposition: str | None) -> str:
    """Return what a file is called: as its query says, or its Content-Disposition (RFC 6266).

    Raises:
        Invalid: `name` can't be a prompt's.
    """
    if name is not None:
        return check_name(name)
    return _file_name(disposition or "") or UNNAMED


def named(files: Iterator[PromptFile | Invalid], path: str) -> Iterator[PromptFile | Invalid]:
    """Refuse the prompts that no name can be made for: unrelated texts would share one."""
    for file in files:
        if isinstance(file, Invalid) or file.named or path != UNNAMED:
            yield file
        else:
            sentence = (
                f"{file.source}: this text says no name. Send it with ?name=, or with the name of "
                'its file, as in Content-Disposition: attachment; filename="review.md".'
            )
            yield Invalid(sentence, fields={"name": "is missing."})


def _file_name(disposition: str) -> str:
    """Return the last part of a file's name; the extended one goes before the plain one."""
    header = Message()
    header["content-disposition"] = disposition
    found = ""
    for key, value in header.get_params(header="content-disposition") or []:
        if key.lower() != "filename":
            continue
        if isinstance(value, tuple):
            return _last_part(_decoded(*value))
        found = found or value
    return _last_part(found)


def _decoded(charset: str | None, language: str | None, value: str) -> str:
    """Decode an extended value, of which each character is a byte."""
    try:
        return value.encode("latin-1").decode(charset or "utf-8")
    except (LookupError, ValueError):
        return ""


def _last_part(path: str) -> str:
    """Return a file's own name, fit to be kept and shown."""
    plain = _UNSHOWABLE.sub("", path.replace("\\", "/"))
    return PurePosixPath(plain).name[:_MAX_NAME]
