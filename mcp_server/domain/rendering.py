"""Rendering: a draft's messages with their blanks filled."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mcp_server.domain.arguments import bind_arguments
from mcp_server.domain.messages import content_text
from mcp_server.domain.templates import Engine, template_engine
from storage.entities import Content, Draft, EmbeddedResource, Message, TextContent

MAX_RENDERED = 4_000_000
"""Characters of text in all messages of one rendered prompt together."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """Messages ready to be sent, the values that were given, and the names given in vain."""

    messages: tuple[Message, ...]
    ignored: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)


def render(draft: Draft, given: Mapping[str, object], *, allow_unknown: bool) -> Rendered:
    """Fill the texts of a draft; pictures, sounds, links and URIs stay as they are.

    Raises:
        Invalid: arguments are missing, ill-typed or unknown, or the result would be too large.
    """
    bound = bind_arguments(draft.arguments, given, allow_unknown=allow_unknown)
    engine = template_engine(draft.template_format)
    remaining = MAX_RENDERED
    messages = []
    for message in draft.messages:
        content = _fill(engine, message.content, bound.values, remaining)
        remaining -= len(content_text(content) or "")
        messages.append(replace(message, content=content))
    used = {name: value for name, value in bound.values.items() if given.get(name)}
    return Rendered(tuple(messages), bound.ignored, used)


def _fill(engine: Engine, content: Content, values: Mapping[str, str], limit: int) -> Content:
    match content:
        case TextContent(text):
            return TextContent(engine.fill(text, values, limit=limit))
        case EmbeddedResource(text=str(text)):
            return replace(content, text=engine.fill(text, values, limit=limit))
        case _:
            return content
