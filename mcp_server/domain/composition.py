"""Composition: prompts that include others, and the arguments that they need as a result."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

from mcp_server.domain.drafts import texts_of
from mcp_server.domain.templates import template_engine
from mcp_server.domain.texts import shown
from storage.values.entities import Argument, Draft, Message, TemplateFormat, TextContent
from storage.values.errors import Conflict, PromptError

MAX_DEPTH = 16
"""Prompts in a chain of includes, the first one counted."""
MAX_FRAGMENTS = 100
"""Distinct references in one prompt and everything it includes."""


Includes: TypeAlias = Mapping[str, frozenset[str]]
"""References in a text, each with the argument names that the text itself sets for it."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """An included prompt's text, with its version and the arguments and includes that it needs."""

    prompt_id: UUID
    name: str
    version: int
    template: str
    template_format: TemplateFormat
    arguments: tuple[Argument, ...]
    includes: Includes


Find = Callable[[str], Fragment]
"""Looks up the fragment for a reference."""


@dataclass(frozen=True, slots=True)
class Composition:
    """The fragments that a version includes, directly or through others, by reference.

    `problem` is the reason why it can't be rendered at present: an included text is missing.
    """

    fragments: Mapping[str, Fragment] = field(default_factory=dict)
    problem: PromptError | None = None


ALONE = Composition()
"""The composition of a prompt that includes nothing."""


def includes_of(draft: Draft) -> Includes:
    """Return the references in a draft's texts, each with the names that all its includes set."""
    engine = template_engine(draft.template_format)
    references: dict[str, frozenset[str]] = {}
    for text in texts_of(draft):
        for reference, names in engine.includes(text).items():
            references[reference] = references.get(reference, names) & names
    return references


def resolve_includes(
    name: str, prompt_id: UUID, references: Iterable[str], find: Find
) -> Mapping[str, Fragment]:
    """Collect the fragments that a prompt includes, directly and through others.

    Raises:
        Conflict: the includes form a circle, go too deep or are too many.
        NotFound, Conflict: raised by `find`.
    """
    fragments: dict[str, Fragment] = {}

    def visit(reference: str, trail: tuple[str, ...], above: frozenset[UUID]) -> None:
        fragment = find(reference)
        path = (*trail, fragment.name)
        if fragment.prompt_id in above:
            raise _circular(path)
        if len(path) > MAX_DEPTH:
            raise _too_deep(path)
        if reference in fragments:
            return
        fragments[reference] = fragment
        if len(fragments) > MAX_FRAGMENTS:
            raise _too_many(name)
        for each in fragment.includes:
            visit(each, path, above | {fragment.prompt_id})

    for reference in references:
        visit(reference, (name,), frozenset((prompt_id,)))
    return fragments


def make_fragment(
    prompt_id: UUID, name: str, version: int, draft: Draft, messages: Sequence[Message]
) -> Fragment:
    """Make the fragment that other prompts include for a version.

    Raises:
        Conflict: the version isn't a single text.
    """
    match messages:
        case [Message(_, TextContent(text))]:
            references = template_engine(draft.template_format).includes(text)
            return Fragment(
                prompt_id, name, version, text, draft.template_format, draft.arguments, references
            )
    raise Conflict(
        f"'{name}' can't be included: version {version} is {len(messages)} messages or no text. "
        f"Include a version that is one text, as in '{name}@1'."
    )


def merge_included(
    own: Sequence[Argument], includes: Includes, fragments: Mapping[str, Fragment]
) -> tuple[Argument, ...]:
    """Return the arguments of a prompt and of the texts that it includes, required first.

    Arguments that the including text sets are left out. If both declare an argument, the
    including prompt's declaration wins, unless it is no more than a name.
    """
    needed: dict[str, Mapping[str, Argument]] = {}

    def merge(own: Sequence[Argument], includes: Includes) -> Mapping[str, Argument]:
        merged = {argument.name: argument for argument in own}
        for reference, names in includes.items():
            for argument in arguments_of(reference).values():
                existing = merged.get(argument.name)
                if argument.name in names and existing is None:
                    continue
                if existing is None or existing == Argument(argument.name):
                    merged[argument.name] = argument
        return merged

    def arguments_of(reference: str) -> Mapping[str, Argument]:
        fragment = fragments.get(reference)
        if fragment is None:
            return {}
        if reference not in needed:
            needed[reference] = merge(fragment.arguments, fragment.includes)
        return needed[reference]

    merged = merge(own, includes).values()
    return tuple(sorted(merged, key=lambda argument: not argument.required))


def _path(names: Sequence[str]) -> str:
    return " → ".join(f"'{shown(name)}'" for name in names)


def _circular(path: Sequence[str]) -> Conflict:
    start = path.index(path[-1])
    return Conflict(
        f"The prompts include each other in a circle: {_path(path[start:])}. Take one of the "
        "includes out."
    )


def _too_deep(path: Sequence[str]) -> Conflict:
    return Conflict(
        f"'{path[0]}' includes others more than {MAX_DEPTH} levels deep: {_path(path[:4])} and so "
        "on. Include the inner ones directly."
    )


def _too_many(name: str) -> Conflict:
    return Conflict(
        f"'{name}' takes in more than {MAX_FRAGMENTS} other texts, counting those that they "
        "include. Put some of them together."
    )
