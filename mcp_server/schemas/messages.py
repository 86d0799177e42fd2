"""Messages and arguments: the parts that a prompt is made of."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StrictBool, WithJsonSchema

from mcp_server.schemas.base import LooseText, Shape
from storage.values.codecs import argument_to_json, message_to_json
from storage.values.entities import Argument, ArgumentType, Message, Role


def _content(value: object) -> object:
    """Read bare text as a text content."""
    return {"type": "text", "text": value} if isinstance(value, str) else value


class ContentShape(Shape):
    """One piece of content; which fields it has depends on its type."""

    type: Literal["text", "image", "audio", "resource", "resource_link"] = Field(
        description="What the content is. `text` has `text`; `image` and `audio` have `data` and "
        "`mime_type`; `resource` carries a resource whole: `uri` and one of `text` and `blob`; "
        "`resource_link` points at one: `uri` and `name`.",
    )
    text: str | None = Field(None, description="The text, with {{argument}} wherever a value goes.")
    data: str | None = Field(None, description="A picture or sound as base64.")
    mime_type: str | None = Field(
        None, description="The media type of the data or the resource.", examples=["image/png"]
    )
    uri: str | None = Field(None, description="The URI of the resource.")
    blob: str | None = Field(None, description="A binary resource as base64.")
    name: str | None = Field(None, description="The name of the linked resource.")
    title: str | None = Field(None, description="The linked resource's name for people.")
    description: str | None = Field(None, description="What the linked resource is.")


class MessageShape(Shape):
    """A role and its content."""

    role: Role = Field(
        description="Who says it. `system` text is put in front of the first user message where a "
        "client knows only `user` and `assistant`.",
    )
    content: Annotated[ContentShape, BeforeValidator(_content)] = Field(description="What is said.")

    @classmethod
    def of(cls, message: Message) -> "MessageShape":
        """Present a message."""
        return cls.model_validate(message_to_json(message))


class ArgumentShape(Shape):
    """A blank of a template and what may fill it."""

    name: str = Field(
        description="The name as it stands between the braces: letters, digits and '_'.",
        examples=["language"],
    )
    title: str | None = Field(None, description="The argument's name for people.")
    description: str | None = Field(
        None, description="What to fill in, for the person or model that does it."
    )
    required: StrictBool = Field(
        True, description="Whether a value has to be given; one with a default never has to."
    )
    type: ArgumentType = Field(
        "string", description="What a value has to be; `enum` is one of `choices`."
    )
    default: LooseText | None = Field(
        None, description="The value that stands in when none is given, written as text."
    )
    choices: list[LooseText] | None = Field(
        None, description="The only values allowed, also offered as completions."
    )
    pattern: str | None = Field(
        None, description="A regular expression that the whole value has to match."
    )

    @classmethod
    def of(cls, argument: Argument) -> "ArgumentShape":
        """Present an argument."""
        return cls.model_validate(argument_to_json(argument))


# A variant's messages have the shape of all messages; describing it again would double the schema.
Variants = dict[
    str,
    Annotated[
        list[MessageShape],
        WithJsonSchema(
            {
                "type": "array",
                "items": {"type": "object", "description": "A message, as in `messages`."},
            }
        ),
    ],
]
