"""Prompts that are read and rendered: their readers, and the messages."""

from typing import Annotated, Any

from pydantic import Field

from mcp_server.schemas.base import Shape, Unwrapped
from mcp_server.schemas.messages import MessageShape
from mcp_server.schemas.prompts import Reference
from mcp_server.service.callers import Caller
from mcp_server.service.readers import Reader
from mcp_server.service.results import RenderedPrompt

ForModel = Annotated[
    str,
    Field(
        description="The model that the text is for: its own variant is taken, else that of the "
        "longest prefix ('claude-*'), else the base text.",
        examples=["claude-sonnet-4"],
    ),
]
Key = Annotated[
    str,
    Field(
        description="Who the prompt is for, in any words (a user, a session). Where a label shares "
        "its reads out among versions, the same key always gets the same one.",
        examples=["user-42"],
        min_length=1,
        max_length=200,
    ),
]


class _Read(Shape):
    """A prompt to be read, and for whom."""

    reference: Reference
    model_type: ForModel | None = None
    key: Key | None = None

    def reader(self, caller: Caller) -> Reader:
        """Return the reader; without a key it is the caller."""
        return caller.reader(self.model_type, self.key)


class RenderIn(_Read):
    """A prompt to be rendered."""

    arguments: Annotated[dict[str, Any], Unwrapped] = Field(
        default_factory=dict,
        description="A value for each blank, by name: text, or a number, boolean or JSON where "
        "the argument has that type.",
        examples=[{"language": "Python", "code": "print(1)"}],
    )


class ReferenceIn(_Read):
    """A prompt to be read."""


class RenderedOut(Shape):
    """A prompt with its blanks filled."""

    name: str = Field(description="The prompt's name.")
    version: int = Field(description="The version that was rendered.")
    variant: str | None = Field(
        None, description="The key of the variant that was rendered; absent for the base text."
    )
    messages: list[MessageShape] = Field(description="The messages, ready to be used.")


def present_rendered(rendered: RenderedPrompt) -> RenderedOut:
    """Present a rendered prompt."""
    return RenderedOut(
        name=rendered.source.prompt.name,
        version=rendered.source.version.version,
        variant=rendered.source.variant,
        messages=[MessageShape.of(message) for message in rendered.messages],
    )
