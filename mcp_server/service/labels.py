"""Labels: set, move, share out, take away; and what they did before."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from mcp_server.domain.names import check_label
from mcp_server.domain.references import Reference, no_such_label, resolve_reference
from mcp_server.domain.weights import check_weights
from mcp_server.service.finding import Finder
from mcp_server.service.results import LabelMove
from mcp_server.service.sight import Sight
from mcp_server.service.terms import ANY, Terms, check_message
from mcp_server.service.writing import Writer, read_prompt
from storage.values.entities import Prompt, RecordedMove
from storage.values.pages import Page


class Labels:
    """What can be done with movable pointers."""

    def __init__(self, sight: Sight, finder: Finder, writer: Writer) -> None:
        self._sight = sight
        self._finder = finder
        self._writer = writer

    async def set(
        self,
        reference: str,
        label: str,
        *,
        reason: str | None = None,
        terms: Terms = ANY,
    ) -> LabelMove:
        """Point a label at the version that a reference means, moving it where it's set already.

        Raises:
            NotFound: there is no such prompt or version.
            Invalid: the label isn't one that a version may carry.
            Conflict: the prompt isn't what the terms expect; or others that include it couldn't be
                used any more, and it isn't forced.
        """
        wanted = await self._finder.reference(reference)
        return await self._move(
            wanted.name,
            label,
            lambda prompt: {resolve_reference(prompt, wanted): 1},
            reason,
            terms,
        )

    async def share(
        self,
        name: str,
        label: str,
        weights: Mapping[int, int],
        *,
        reason: str | None = None,
        terms: Terms = ANY,
    ) -> LabelMove:
        """Let a label mean several versions, each for its share of the readers.

        Lists, searches and readers without a key get the version with the largest share.

        Raises:
            NotFound: there is no such prompt or version.
            Invalid: the label or the weights can't be used.
            Conflict: the prompt isn't what the terms expect; or others that include it couldn't be
                used any more, and it isn't forced.
        """
        wanted = Reference(await self._finder.name(name))
        shared = check_weights(weights)

        def existing(prompt: Prompt) -> Mapping[int, int]:
            for version in shared:
                resolve_reference(prompt, replace(wanted, version=version))
            return shared

        return await self._move(wanted.name, label, existing, reason, terms)

    async def remove(
        self,
        name: str,
        label: str,
        *,
        reason: str | None = None,
        terms: Terms = ANY,
    ) -> LabelMove:
        """Take a label away.

        Raises:
            NotFound: there is no such prompt, or it doesn't carry the label.
            Conflict: the prompt isn't what the terms expect; or others that include it couldn't be
                used any more, and it isn't forced.
        """
        check_message(reason, "reason")
        async with self._writer.changing(name, "set_label", terms) as (tx, prompt):
            before = prompt.labels.get(label)
            if before is None:
                raise no_such_label(prompt, label)
            async with self._writer.includers.kept(tx, prompt, force=terms.force) as broken:
                await self._writer.labelling.point(tx, prompt, {label: {}}, reason)
            current = await read_prompt(tx, prompt.name)
        return LabelMove(current, label, before, None, broken.warnings)

    async def list_moves(
        self, name: str, *, label: str | None = None, limit: int, cursor: str | None = None
    ) -> Page[RecordedMove]:
        """Return what a prompt's labels did, or one of them, newest first.

        Raises:
            NotFound: there is no such prompt.
            Invalid: the cursor isn't one of this list, or the label is none.
        """
        prompt = await self._finder.prompt(name)
        wanted = None if label is None else check_label(label)
        return await self._sight.read(
            lambda tx: tx.labels.list_moves(prompt.id, label=wanted, limit=limit, cursor=cursor)
        )

    async def _move(
        self,
        name: str,
        label: str,
        choose: Callable[[Prompt], Mapping[int, int]],
        reason: str | None,
        terms: Terms,
    ) -> LabelMove:
        check_label(label)
        check_message(reason, "reason")
        async with self._writer.changing(name, "set_label", terms) as (tx, prompt):
            shares = choose(prompt)
            before = prompt.labels.get(label)
            async with self._writer.includers.kept(tx, prompt, force=terms.force) as broken:
                await self._writer.labelling.point(tx, prompt, {label: shares}, reason)
            current = await read_prompt(tx, prompt.name)
        return LabelMove(current, label, before, current.labels[label], broken.warnings)
