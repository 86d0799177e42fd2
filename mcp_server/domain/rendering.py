"""Rendering: a draft's messages with their blanks filled."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from mcp_server.domain.arguments import bind_arguments
from mcp_server.domain.composition import (
    Fragment,
    fragments_of,
    included_references,
    merge_included,
)
from mcp_server.domain.messages import content_text
from mcp_server.domain.templates import Engine, template_engine
from storage.entities import Argument, Content, Draft, EmbeddedResource, Message, TextContent

MAX_RENDERED = 4_000_000
"""Characters of text in all messages of one rendered prompt together."""


NOTHING_INCLUDED: Mapping[str, Fragment] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Rendered:
    """Messages ready to be sent, the values that were given, and the names given in vain."""

    messages: tuple[Message, ...]
    ignored: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)


def render(
    draft: Draft,
    given: Mapping[str, object],
    *,
    allow_unknown: bool,
    fragments: Mapping[str, Fragment] = NOTHING_INCLUDED,
) -> Rendered:
    """Fill the texts of a draft; pictures, sounds, links and URIs stay as they are.

    `fragments` are the texts that it includes, and those that these include, by reference.

    Raises:
        Invalid: arguments are missing, ill-typed or unknown, or the result would be too large.
    """
    arguments = needed_arguments(draft, fragments)
    bound = bind_arguments(arguments, given, allow_unknown=allow_unknown)
    engine = template_engine(draft.template_format)
    partials = fill_fragments(fragments, bound.values, limit=MAX_RENDERED)
    remaining = MAX_RENDERED
    messages = []
    for message in draft.messages:
        content = _fill(engine, message.content, bound.values, remaining, partials)
        remaining -= len(content_text(content) or "")
        messages.append(replace(message, content=content))
    used = {name: value for name, value in bound.values.items() if given.get(name)}
    return Rendered(tuple(messages), bound.ignored, used)


def needed_arguments(draft: Draft, fragments: Mapping[str, Fragment]) -> tuple[Argument, ...]:
    """Return the arguments of a draft and of those fragments that its own messages lead to."""
    if not fragments:
        return draft.arguments
    reached = fragments_of(included_references(draft), fragments)
    return merge_included(draft.arguments, reached.values())


def fill_fragments(
    fragments: Mapping[str, Fragment], values: Mapping[str, str], *, limit: int
) -> Mapping[str, str]:
    """Return the text of each fragment, filled; those that it includes are in it.

    Raises:
        Invalid: one of them would be too large.
    """
    filled: dict[str, str] = {}

    def fill(reference: str) -> str:
        fragment = fragments[reference]
        for inner in fragment.includes:
            if inner not in filled:
                filled[inner] = fill(inner)
        engine = template_engine(fragment.template_format)
        known = {argument.name: "" for argument in fragment.arguments} | dict(values)
        return engine.fill(fragment.template, known, limit=limit, partials=filled)

    for reference in fragments:
        if reference not in filled:
            filled[reference] = fill(reference)
    return filled


def _fill(
    engine: Engine,
    content: Content,
    values: Mapping[str, str],
    limit: int,
    partials: Mapping[str, str],
) -> Content:
    match content:
        case TextContent(text):
            return TextContent(engine.fill(text, values, limit=limit, partials=partials))
        case EmbeddedResource(text=str(text)):
            filled = engine.fill(text, values, limit=limit, partials=partials)
            return replace(content, text=filled)
        case _:
            return content
