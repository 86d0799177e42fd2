"""Labels: set, move, split among versions, remove; and the history of their moves."""

from collections.abc import Mapping
from dataclasses import replace

from mcp_server.domain.names import check_label
from mcp_server.domain.references import Reference, no_such_label, resolve_reference
from mcp_server.domain.weights import check_weights
from mcp_server.service.finding import Finder
from mcp_server.service.labelling import Shares
from mcp_server.service.results import LabelMove
from mcp_server.service.sight import Sight
from mcp_server.service.terms import ANY, Terms, check_message
from mcp_server.service.writing import Writer, written_prompt
from storage.values.entities import Prompt, RecordedMove
from storage.values.pages import Page


class Labels:
    """The use cases of labels."""

    def __init__(self, sight: Sight, finder: Finder, writer: Writer) -> None:
        self._sight = sight
        self._finder = finder
        self._writer = writer

    async def set(
        self,
        reference: str,
        label: str,
        weights: Mapping[int, int] | None = None,
        *,
        reason: str | None = None,
        terms: Terms = ANY,
    ) -> LabelMove:
        """Point a label at the version that a reference means, moving it where it's set already.

        With `weights` the reference must be a bare name, and the label means several versions, each
        for its share of the readers. Lists, searches and readers without a key get the version with
        the largest share.

        Raises:
            NotFound: there is no such prompt or version.
            Invalid: the label isn't one that a version may carry, or the weights can't be used.
            Conflict: the prompt isn't what the terms expect; or the change would break prompts that
                include it, and isn't forced.
        """
        if weights is None:
            wanted, shared = await self._finder.reference(reference), None
        else:
            wanted, shared = Reference(await self._finder.name(reference)), check_weights(weights)
        check_label(label)
        check_message(reason, "reason")
        async with self._writer.changing(wanted.name, "set_label", terms) as (tx, prompt):
            shares = _shares(prompt, wanted, shared)
            before = prompt.labels.get(label)
            async with self._writer.includers.kept(tx, prompt, force=terms.force) as broken:
                await self._writer.labelling.point(tx, prompt, {label: shares}, reason)
            current = await written_prompt(tx, prompt.name)
        return LabelMove(current, label, before, current.labels[label], broken.warnings)

    async def remove(
        self,
        name: str,
        label: str,
        *,
        reason: str | None = None,
        terms: Terms = ANY,
    ) -> LabelMove:
        """Remove a label.

        Raises:
            NotFound: there is no such prompt, or it doesn't carry the label.
            Conflict: the prompt isn't what the terms expect; or the change would break prompts that
                include it, and isn't forced.
        """
        check_message(reason, "reason")
        async with self._writer.changing(name, "remove_label", terms) as (tx, prompt):
            before = prompt.labels.get(label)
            if before is None:
                raise no_such_label(prompt, label)
            async with self._writer.includers.kept(tx, prompt, force=terms.force) as broken:
                await self._writer.labelling.point(tx, prompt, {label: {}}, reason)
            current = await written_prompt(tx, prompt.name)
        return LabelMove(current, label, before, None, broken.warnings)

    async def list_moves(
        self, name: str, *, label: str | None = None, limit: int, cursor: str | None = None
    ) -> Page[RecordedMove]:
        """Return the moves of a prompt's labels, or of one label, newest first.

        Raises:
            NotFound: there is no such prompt.
            Invalid: the cursor isn't from this list, or the label isn't a valid one.
        """
        prompt = await self._finder.prompt(name)
        wanted = None if label is None else check_label(label)
        return await self._sight.read_unchecked(
            lambda tx: tx.labels.list_moves(prompt.id, label=wanted, limit=limit, cursor=cursor)
        )


def _shares(prompt: Prompt, wanted: Reference, weights: Mapping[int, int] | None) -> Shares:
    """Return the versions that a label will point at, with their weights.

    Raises:
        NotFound: the prompt lacks one of them.
    """
    if weights is None:
        return {resolve_reference(prompt, wanted): 1}
    return {
        resolve_reference(prompt, replace(wanted, version=version)): weight
        for version, weight in weights.items()
    }
