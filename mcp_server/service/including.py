"""Including: the prompts that a change of another one's versions, labels or branches breaks."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from mcp_server.domain.composition import Fragment, resolve_includes
from mcp_server.service.composing import find_in
from mcp_server.service.readers import ANYONE
from mcp_server.service.sight import Sight
from storage.database import Transaction
from storage.values.entities import Edge, Includer, Prompt, Reached
from storage.values.errors import Conflict, PromptError

_TOLD = 10
"""Most prompts that a message names."""
_ASKED = 2_000
"""Most including versions that are checked."""
_AT_ONCE = 100
"""Versions that are checked before the event loop gets a turn."""
_PRODUCTION = "production"
_UNTOLD = "The prompts would include each other in a circle, too deeply, or too many of them."
"""Replaces a message that could name hidden prompts."""


@dataclass(slots=True)
class Broken:
    """The warnings about a change, filled in once it is made."""

    warnings: tuple[str, ...] = ()


class WouldBreak(Conflict):
    """A change would break prompts that include the changed one, and isn't forced."""


class Includers:
    """Guards the prompts that include a changed one."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight

    @asynccontextmanager
    async def kept(self, tx: Transaction, prompt: Prompt, *, force: bool) -> AsyncIterator[Broken]:
        """Check that a change made in this block leaves the including prompts usable.

        They may include the prompt directly or through others. Only visible prompts are checked and
        named: a hidden one doesn't stop a change, since a refusal would reveal it. The caller holds
        the prompt's lock.

        Raises:
            WouldBreak: the change breaks some of them, and isn't forced; names them.
        """
        broken = Broken()
        roots = await tx.includes.list_includers(prompt.id, self._sight.filter, limit=_ASKED)
        before = await self._problems(tx, prompt, roots)
        yield broken
        if not roots:
            return
        if len(roots) == _ASKED:
            broken.warnings = (_too_many(prompt.name),)
        after = await self._problems(tx, prompt, roots)
        new = {root.name: after[root] for root in roots if root in after and root not in before}
        if not new:
            return
        subject = _included_by(prompt.name, list(new))
        reason = next(iter(new.values()))
        if not force:
            raise WouldBreak(
                f"{subject} couldn't be used any more. {reason} Nothing was changed: take the "
                "includes out first, or do it with force."
            )
        broken.warnings += (f"{subject} can't be used any more. {reason}",)

    async def _problems(
        self, tx: Transaction, prompt: Prompt, roots: Sequence[Includer]
    ) -> Mapping[Includer, str]:
        """Return the reason for each including version that can't be used."""
        if not roots:
            return {}
        edges = await tx.includes.draw(roots, self._sight.filter)
        points = {edge.point for edge in edges if edge.included_id == prompt.id}
        standing = await self._standing(tx, prompt.name, points)
        drawing = _Drawing(edges, {_key(prompt.id, point): why for point, why in standing.items()})
        problems = {}
        for index, root in enumerate(roots, 1):
            problem = drawing.problem_of(root)
            if problem is not None:
                problems[root] = problem
            if index % _AT_ONCE == 0:
                await asyncio.sleep(0)
        return problems

    async def _standing(
        self, tx: Transaction, name: str, points: Collection[str]
    ) -> Mapping[str, PromptError]:
        """Return the error for each point at which a prompt can't currently be included."""
        reached = await tx.includes.reach([(name, point) for point in points])
        problems: dict[str, PromptError] = {}
        for point in points:
            try:
                _check_includable(reached, name, point)
            except PromptError as problem:
                problems[point] = self._sight.conceal(problem, reached)
        return problems


class _Unusable(Exception):
    """An included text can't be used, no matter which prompt includes it."""


class _Drawing:
    """The includes between prompts, without their texts, for all readers at once.

    The key of an include is the included prompt's id with the point, and it leads to all versions
    that this means to some reader. `broken` has the keys that can't be used, and their errors.
    """

    def __init__(self, edges: Sequence[Edge], broken: Mapping[str, PromptError]) -> None:
        self._broken = broken
        self._tells = all(edge.seen for edge in edges)
        self._ways: dict[tuple[UUID, int], set[str]] = defaultdict(set)
        meant: dict[str, set[tuple[UUID, int]]] = defaultdict(set)
        names: dict[str, tuple[UUID, str]] = {}
        for edge in edges:
            key = _key(edge.included_id, edge.point)
            self._ways[edge.prompt_id, edge.version].add(key)
            names[key] = edge.included_id, edge.name
            if edge.meant is not None:
                meant[key].add((edge.included_id, edge.meant))
        self._fragments = {
            key: _outline(*names[key], self._out_of(versions)) for key, versions in meant.items()
        }

    def problem_of(self, root: Includer) -> str | None:
        """Return the reason why an including version can't be used; None if it can."""
        ways = self._out_of([(root.prompt_id, root.version)])
        try:
            resolve_includes(root.name, root.prompt_id, ways, self._find)
        except _Unusable as problem:
            return str(problem)
        except Conflict as problem:
            return problem.message if self._tells else _UNTOLD
        return None

    def _find(self, key: str) -> Fragment:
        if key in self._broken:
            raise _Unusable(self._broken[key].message)
        fragment = self._fragments.get(key)
        if fragment is None:
            raise _Unusable("It includes what isn't there.")
        return fragment

    def _out_of(self, versions: Collection[tuple[UUID, int]]) -> list[str]:
        return sorted({key for version in versions for key in self._ways.get(version, ())})


def _key(prompt_id: UUID, point: str) -> str:
    return f"{prompt_id}@{point}"


def _outline(prompt_id: UUID, name: str, references: Collection[str]) -> Fragment:
    """Return a fragment that has includes but no text."""
    return Fragment(prompt_id, name, 0, "", "text", (), dict.fromkeys(references, frozenset()))


def _check_includable(reached: Reached, name: str, point: str) -> None:
    """Check every version that a point may mean to a reader.

    Raises:
        NotFound, Conflict: one of these versions can't be included.
    """
    find = find_in(reached, ANYONE)
    meant = find(f"{name}@{point}" if point else name)
    shares = reached.prompts[name].weights.get(point or _PRODUCTION, ())
    for each in (meant, *(find(f"{name}@{number}") for number in shares)):
        resolve_includes(each.name, each.prompt_id, each.includes, find)


def _included_by(name: str, names: Sequence[str]) -> str:
    listed = ", ".join(f"'{each}'" for each in names[:_TOLD])
    more = f" and {len(names) - _TOLD:,} more" if len(names) > _TOLD else ""
    return f"'{name}' is included by {listed}{more}, which"


def _too_many(name: str) -> str:
    return (
        f"More than {_ASKED - 1:,} versions include '{name}': only the first, by name, were asked "
        "whether they can still be used."
    )
