"""Including: who would be broken where a prompt's versions, labels or branches change."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from mcp_server.domain.composition import compose
from mcp_server.service.composing import find_in
from mcp_server.service.inputs import ANYONE
from mcp_server.service.scope import Scope
from storage.database import Transaction
from storage.entities import Prompt, PromptFilter, Reached
from storage.errors import Conflict, PromptError

_TOLD = 10
"""Prompts that are named, at most."""
_PRODUCTION = "production"


@dataclass(slots=True)
class Broken:
    """What a forced change broke, once it is made: a sentence for each thing to know."""

    warnings: tuple[str, ...] = ()


class _Hit(NamedTuple):
    """Why includers are hit, and which: None is all that include the prompt so."""

    reason: str
    whom: frozenset[UUID] | None


class Includers:
    """Keeps those who include a prompt from being broken unawares."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @asynccontextmanager
    async def kept(self, tx: Transaction, prompt: Prompt, *, force: bool) -> AsyncIterator[Broken]:
        """Let a prompt be changed inside, and see that those who include it can still be used.

        Only includers that this server shows are asked for and named: of others nobody is told.
        The caller holds the prompt's lock.

        Raises:
            Conflict: they couldn't any more, and it isn't forced; names them.
        """
        broken = Broken()
        seen = self._scope.narrow(PromptFilter())
        points = await tx.includes.list_points(prompt.id, seen)
        before = await _standing(tx, prompt.name, points) if points else {}
        yield broken
        if not points:
            return
        hit = _hit(before, await _standing(tx, prompt.name, points))
        if not hit:
            return
        names, count = await tx.includes.list_includers(
            prompt.id, {point: each.whom for point, each in hit.items()}, seen, limit=_TOLD
        )
        if not names:
            return
        told = _included_by(prompt.name, names, count)
        reason = next(iter(hit.values())).reason
        if not force:
            raise Conflict(
                f"{told} couldn't be used any more. {reason} Nothing was changed: take the "
                "includes out first, or do it with force."
            )
        broken.warnings = (f"{told} can't be used any more. {reason}",)


def _hit(
    before: Mapping[str, PromptError | frozenset[UUID]],
    after: Mapping[str, PromptError | frozenset[UUID]],
) -> Mapping[str, _Hit]:
    """Return whom a change hits, by what stands behind the '@' where they include the prompt."""
    hit: dict[str, _Hit] = {}
    for point, now in after.items():
        then = before[point]
        if isinstance(then, PromptError):
            continue
        if isinstance(now, PromptError):
            hit[point] = _Hit(now.message, None)
        elif now - then:
            hit[point] = _Hit("The prompts would include each other in a circle.", now - then)
    return hit


async def _standing(
    tx: Transaction, name: str, points: Collection[str]
) -> Mapping[str, PromptError | frozenset[UUID]]:
    """Return why a prompt can't be included at present, or which ones it then takes in."""
    reached = await tx.includes.reach([(name, point) for point in points])
    found: dict[str, PromptError | frozenset[UUID]] = {}
    for point in points:
        try:
            found[point] = _taken_in(reached, name, point)
        except PromptError as problem:
            found[point] = problem
    return found


def _taken_in(reached: Reached, name: str, point: str) -> frozenset[UUID]:
    """Return which prompts are taken in by any version that a point may mean to a reader.

    Raises:
        NotFound, Conflict: one of these versions can't be included.
    """
    find = find_in(reached, ANYONE)
    meant = find(f"{name}@{point}" if point else name)
    shares = reached.prompts[name].weights.get(point or _PRODUCTION, ())
    taken: set[UUID] = set()
    for each in (meant, *(find(f"{name}@{number}") for number in shares)):
        inside = compose(each.name, each.prompt_id, each.includes, find)
        taken |= {fragment.prompt_id for fragment in inside.values()}
    return frozenset(taken)


def _included_by(name: str, names: Collection[str], count: int) -> str:
    listed = ", ".join(f"'{each}'" for each in names)
    more = f" and {count - len(names):,} more" if count > len(names) else ""
    return f"'{name}' is included by {listed}{more}, which"
