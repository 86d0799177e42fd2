"""Composition: prompts whose texts include others, and the arguments that they then take."""

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
"""Levels of prompts that include others."""
MAX_FRAGMENTS = 100
"""Different references in one prompt and all that it includes."""


Includes: TypeAlias = Mapping[str, frozenset[str]]
"""References in a text, each with the names that the text gives a value where it includes it."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """A prompt's text as another one includes it: which version that is, and what it needs."""

    prompt_id: UUID
    name: str
    version: int
    template: str
    template_format: TemplateFormat
    arguments: tuple[Argument, ...]
    includes: Includes


Find = Callable[[str], Fragment]
"""Returns what a reference means."""


@dataclass(frozen=True, slots=True)
class Composition:
    """What a version takes in, by the references that stand in its own and the included texts.

    `problem` says why it can't be rendered at present: a text that it includes is missing.
    """

    fragments: Mapping[str, Fragment] = field(default_factory=dict)
    problem: PromptError | None = None


ALONE = Composition()
"""Of a prompt that includes nothing."""


def includes_of(draft: Draft) -> Includes:
    """Return what the texts of any message or variant include, and always give a value to."""
    engine = template_engine(draft.template_format)
    found: dict[str, frozenset[str]] = {}
    for text in texts_of(draft):
        for reference, given in engine.includes(text).items():
            found[reference] = found.get(reference, given) & given
    return found


def resolve_includes(
    name: str, prompt_id: UUID, references: Iterable[str], find: Find
) -> Mapping[str, Fragment]:
    """Collect what a prompt includes, directly and through others.

    Raises:
        Conflict: the prompts include each other in a circle, too deeply, or too many of them.
        NotFound, Conflict: what `find` raises.
    """
    found: dict[str, Fragment] = {}

    def visit(reference: str, trail: tuple[str, ...], above: frozenset[UUID]) -> None:
        fragment = find(reference)
        path = (*trail, fragment.name)
        if fragment.prompt_id in above:
            raise _circular(path)
        if len(path) > MAX_DEPTH:
            raise _too_deep(path)
        if reference in found:
            return
        found[reference] = fragment
        if len(found) > MAX_FRAGMENTS:
            raise _too_many(name)
        for each in fragment.includes:
            visit(each, path, above | {fragment.prompt_id})

    for reference in references:
        visit(reference, (name,), frozenset((prompt_id,)))
    return found


def make_fragment(
    prompt_id: UUID, name: str, version: int, draft: Draft, messages: Sequence[Message]
) -> Fragment:
    """Return the text of a version as others include it.

    Raises:
        Conflict: the version is a conversation, a picture or the like.
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
    """Return a prompt's arguments with those of the texts that it includes, required first.

    What an including text itself gives a value isn't asked for. Where both declare an argument,
    the including prompt's declaration holds, unless that says no more than the name.
    """
    needed: dict[str, Mapping[str, Argument]] = {}

    def merge(own: Sequence[Argument], includes: Includes) -> Mapping[str, Argument]:
        merged = {argument.name: argument for argument in own}
        for reference, given in includes.items():
            for argument in ask(reference).values():
                present = merged.get(argument.name)
                if argument.name in given and present is None:
                    continue
                if present is None or present == Argument(argument.name):
                    merged[argument.name] = argument
        return merged

    def ask(reference: str) -> Mapping[str, Argument]:
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
