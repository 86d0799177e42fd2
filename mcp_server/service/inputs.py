"""What callers write of a prompt, as plain data."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from mcp_server.domain.fields import METADATA, ContentInput, read_content


class PromptInput(ContentInput, total=False):
    """What a caller wrote of a prompt; what is absent keeps its value, or gets the default.

    An empty value takes away what is there.
    """

    title: str | None
    description: str | None
    folder: str
    tags: Sequence[str]


def read_input(values: Mapping[str, Any]) -> PromptInput:
    """Read what was written of a prompt out of JSON; other keys are passed over.

    Raises:
        Invalid: a message, argument or another part of the content is of another shape.
    """
    metadata = {name: values[name] for name in METADATA if name in values}
    return cast(PromptInput, metadata | read_content(values))
