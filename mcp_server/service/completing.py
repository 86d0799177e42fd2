"""Completion: suggestions from declarations and from values that were used before."""

from collections.abc import Iterable, Mapping

from mcp_server.domain.templates.identifiers import identifier
from mcp_server.domain.texts import check_text
from mcp_server.service.finding import Finder
from mcp_server.service.results import Completions
from mcp_server.service.sight import Sight
from storage.values.entities import LATEST

_MOST = 100
"""The protocol's bound on one answer."""


class Completing:
    """Completes partly typed arguments, names, labels and versions."""

    def __init__(self, sight: Sight, finder: Finder) -> None:
        self._sight = sight
        self._finder = finder

    async def argument(self, reference: str, argument: str, typed: str) -> Completions:
        """Complete an argument's value: from its choices, else its default and earlier values.

        Raises:
            NotFound, Invalid: see `Finder.read`; or the text can't be part of a value.
        """
        check_text(typed, "value")
        source = await self._finder.read(reference)
        declared = {known.name: known for known in source.arguments}.get(identifier(argument))
        if declared is None:
            return _completed((), "")
        choices = ("true", "false") if declared.type == "boolean" else declared.choices
        if choices:
            return _completed(choices, typed)
        used = await self._sight.read_unchecked(
            lambda tx: tx.argument_values.list_values(
                source.prompt.id, declared.name, prefix=typed, limit=_MOST
            )
        )
        default = (declared.default,) if declared.default else ()
        return _completed((*default, *used), typed)

    async def name(self, typed: str) -> Completions:
        """Complete a prompt's name.

        Raises:
            Invalid: the text can't be part of one.
        """
        wanted = check_text(typed, "value").casefold()
        whole = await self._sight.list_whole()
        if whole is not None:
            return _completed((known.name for known in whole), typed)
        names = await self._sight.list_names(wanted, _MOST + 1)
        return Completions(tuple(names[:_MOST]), len(names) if len(names) <= _MOST else None)

    async def label(self, name: str, typed: str) -> Completions:
        """Complete a label of one prompt.

        Raises:
            NotFound, Invalid: there is no such prompt.
        """
        prompt = await self._finder.prompt(name)
        return _completed((*sorted(prompt.labels), LATEST), typed)

    async def version(self, name: str, typed: str) -> Completions:
        """Complete a version's number, the newest first.

        Raises:
            NotFound, Invalid: there is no such prompt.
        """
        prompt = await self._finder.prompt(name)
        return _completed((str(number) for number in range(prompt.last_version, 0, -1)), typed)


def _completed(candidates: Iterable[str], typed: str) -> Completions:
    """Keep the candidates that begin with the typed text; if none does, those containing it."""
    unique: Mapping[str, None] = dict.fromkeys(candidates)
    wanted = typed.casefold()
    beginning = [value for value in unique if value.casefold().startswith(wanted)]
    matching = beginning or [value for value in unique if wanted in value.casefold()]
    return Completions(tuple(matching[:_MOST]), len(matching))
