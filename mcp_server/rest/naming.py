"""Naming: the names of files that arrive over HTTP, for texts that don't state their own."""

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
"""The name in sentences of a file that has none."""


def path_name(name: str | None, disposition: str | None) -> str:
    """Return a file's name: the query's, or that of its Content-Disposition (RFC 6266).

    Raises:
        Invalid: `name` can't be a prompt's name.
    """
    if name is not None:
        return check_name(name)
    return _file_name(disposition or "") or UNNAMED


def named(files: Iterator[PromptFile | Invalid], path: str) -> Iterator[PromptFile | Invalid]:
    """Refuse prompts for which no name can be made: unrelated texts would share one."""
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
    """Return the last part of a file's name; `filename*` goes before `filename`."""
    header = Message()
    header["content-disposition"] = disposition
    plain = ""
    for key, value in header.get_params(header="content-disposition") or []:
        if key.lower() != "filename":
            continue
        if isinstance(value, tuple):
            return _last_part(_decoded(*value))
        plain = plain or value
    return _last_part(plain)


def _decoded(charset: str | None, language: str | None, value: str) -> str:
    """Decode an extended value, whose characters stand for bytes."""
    try:
        return value.encode("latin-1").decode(charset or "utf-8")
    except (LookupError, ValueError):
        return ""


def _last_part(path: str) -> str:
    """Return a file's own name, without characters that can't be stored or shown."""
    plain = _UNSHOWABLE.sub("", path.replace("\\", "/"))
    return PurePosixPath(plain).name[:_MAX_NAME]
