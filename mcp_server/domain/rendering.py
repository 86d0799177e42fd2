"""Rendering: a draft's messages with their blanks filled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import thread_time
from types import MappingProxyType

from mcp_server.domain.arguments import bind_arguments, by_identifier
from mcp_server.domain.composition import Fragment, includes_of, merge_included
from mcp_server.domain.messages import content_text
from mcp_server.domain.patterns import UNJUDGED, Verdicts
from mcp_server.domain.templates import Engine, template_engine
from mcp_server.domain.templates.partials import MAX_SECONDS, Source
from storage.values.entities import Argument, Content, Draft, EmbeddedResource, Message, TextContent

MAX_RENDERED = 4_000_000
"""Characters of text in all messages of one rendered prompt."""
MAX_INCLUDED = 4 * MAX_RENDERED
"""Characters of all included texts; nested ones count again in each text around them."""

NOTHING_INCLUDED: Mapping[str, Fragment] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Rendered:
    """Messages ready to send, the given values, and the given names that match no argument."""

    messages: tuple[Message, ...]
    ignored: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)


def render(
    draft: Draft,
    given: Mapping[str, object],
    *,
    allow_unknown: bool,
    fragments: Mapping[str, Fragment] = NOTHING_INCLUDED,
    verdicts: Verdicts = UNJUDGED,
) -> Rendered:
    """Fill the texts of a draft; images, audio, links and URIs stay unchanged.

    `fragments` are all texts that it includes, directly or through others, by reference;
    `verdicts` must cover all `given_comparisons` of its needed arguments.

    Raises:
        Invalid: arguments are missing, ill-typed or unknown, or the result would be too large.
    """
    arguments = needed_arguments(draft, fragments)
    given = by_identifier(given)
    bound = bind_arguments(arguments, given, allow_unknown=allow_unknown, verdicts=verdicts)
    filler = _Filler(fragments, bound.values, arguments)
    engine = template_engine(draft.template_format)
    remaining = MAX_RENDERED
    messages = []
    for message in draft.messages:
        content = filler.fill_content(engine, message.content, remaining)
        remaining -= len(content_text(content) or "")
        messages.append(replace(message, content=content))
    used = {name: value for name, value in bound.values.items() if given.get(name)}
    return Rendered(tuple(messages), bound.ignored, used)


def needed_arguments(draft: Draft, fragments: Mapping[str, Fragment]) -> tuple[Argument, ...]:
    """Return the arguments of a draft and of the fragments that it includes."""
    if not fragments:
        return draft.arguments
    return merge_included(draft.arguments, includes_of(draft), fragments)


class _Filler:
    """Fills texts with one set of values, each included text once."""

    def __init__(
        self,
        fragments: Mapping[str, Fragment],
        values: Mapping[str, str],
        arguments: Sequence[Argument],
    ) -> None:
        self.sources: Mapping[str, Source] = {
            reference: Source(each.template, each.template_format)
            for reference, each in fragments.items()
        }
        self._fragments = fragments
        self._values = values
        self._arguments = arguments
        self._filled: dict[str, str] = {}
        self._remaining = MAX_INCLUDED
        self._deadline = thread_time() + MAX_SECONDS

    def filled(self, reference: str) -> str | None:
        """Return an included text, filled, its own includes too; None if it is missing.

        Raises:
            Invalid: all included texts together are too large, or take too long.
        """
        fragment = self._fragments.get(reference)
        if fragment is None:
            return None
        if reference not in self._filled:
            engine = template_engine(fragment.template_format)
            # Arguments set by the including texts themselves aren't bound: here they are empty.
            values = {each.name: "" for each in fragment.arguments} | dict(self._values)
            text = self._fill(engine, fragment.template, values, self._remaining)
            self._remaining -= len(text)
            self._filled[reference] = text
        return self._filled[reference]

    def fill_content(self, engine: Engine, content: Content, limit: int) -> Content:
        """Return a content with its text filled."""
        match content:
            case TextContent(text):
                return TextContent(self._fill(engine, text, self._values, limit))
            case EmbeddedResource(text=str(text)):
                return replace(content, text=self._fill(engine, text, self._values, limit))
            case _:
                return content

    def _fill(self, engine: Engine, text: str, values: Mapping[str, str], limit: int) -> str:
        return engine.fill(
            text,
            values,
            limit=limit,
            partials=self,
            arguments=self._arguments,
            deadline=self._deadline,
        )
