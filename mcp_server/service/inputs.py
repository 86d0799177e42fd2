"""The fields of a prompt that callers write, as plain data."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from mcp_server.domain.fields import METADATA, ContentInput, read_content


class PromptInput(ContentInput, total=False):
    """The fields that a caller wrote; an absent one keeps its value, or gets the default.

    An empty value clears a field.
    """

    title: str | None
    description: str | None
    folder: str
    tags: Sequence[str]


def read_input(values: Mapping[str, Any]) -> PromptInput:
    """Read a prompt's fields from JSON, ignoring other keys.

    Raises:
        Invalid: a message, argument or other part of the content has the wrong shape.
    """
    metadata = {name: values[name] for name in METADATA if name in values}
    return cast(PromptInput, metadata | read_content(values))
