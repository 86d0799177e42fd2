"""Labels: set, move, remove."""

from collections.abc import Collection

from mcp_server.domain.names import check_label
from mcp_server.domain.references import no_such_label, resolve_reference
from mcp_server.service.finding import Finder
from mcp_server.service.results import LabelMove
from mcp_server.service.writing import Writer, check_state, read_prompt


class Labels:
    """What can be done with movable pointers."""

    def __init__(self, finder: Finder, writer: Writer) -> None:
        self._finder = finder
        self._writer = writer

    async def set(
        self,
        reference: str,
        label: str,
        *,
        by: str,
        expected_states: Collection[str] | None = None,
    ) -> LabelMove:
        """Point a label at the version that a reference means, moving it where it's set already.

        Raises:
            NotFound: there is no such prompt or version.
            Invalid: the label isn't one that a version may carry.
            Conflict: the prompt is in none of `expected_states`.
        """
        check_label(label)
        wanted = await self._finder.reference(reference)
        async with self._finder.locked(wanted.name) as (tx, prompt):
            check_state(prompt, expected_states)
            version = resolve_reference(prompt, wanted)
            before = prompt.labels.get(label)
            if before != version:
                await tx.labels.point(prompt.id, label, version, moved_from=before, moved_by=by)
            current = await read_prompt(tx, prompt.name)
        self._writer.announce(prompt)
        return LabelMove(current, label, before, version)

    async def remove(
        self, name: str, label: str, *, by: str, expected_states: Collection[str] | None = None
    ) -> LabelMove:
        """Take a label away.

        Raises:
            NotFound: there is no such prompt, or it doesn't carry the label.
            Conflict: the prompt is in none of `expected_states`.
        """
        async with self._finder.locked(name) as (tx, prompt):
            check_state(prompt, expected_states)
            before = prompt.labels.get(label)
            if before is None:
                raise no_such_label(prompt, label)
            await tx.labels.remove(prompt.id, label, moved_from=before, moved_by=by)
            current = await read_prompt(tx, prompt.name)
        self._writer.announce(prompt)
        return LabelMove(current, label, before, None)
