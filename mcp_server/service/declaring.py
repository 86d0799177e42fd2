"""Declaring: which arguments of a prompt that was read out are its own, and not those it includes.

Whoever reads a prompt sees the arguments of what it includes among its own. Brought back as they
are read, they would all be declared by the prompt itself.
"""

from collections.abc import Collection
from dataclasses import replace

from mcp_server.domain.arguments import merge_arguments
from mcp_server.domain.composition import includes_of, merge_included
from mcp_server.domain.drafts import content_hash, placeholders
from mcp_server.service.composing import Composer
from storage.database import Transaction
from storage.ids import new_id
from storage.values.entities import Argument, Draft, Prompt


async def own_draft(
    tx: Transaction, composer: Composer, name: str, draft: Draft, present: Prompt | None
) -> Draft:
    """Return a draft without the arguments that come from what it includes.

    Where the prompt's served or newest version reads as the draft does, it is that version's.
    """
    key = new_id() if present is None else present.id
    composition = await composer.compose_draft(tx, name, key, draft)
    included = merge_included((), includes_of(draft), composition.fragments)
    names = {argument.name for argument in included}
    numbers = {present.served_version, present.latest_version} if present else set()
    for number in sorted(numbers):
        kept = await tx.versions.find(key, number)
        if kept is not None and _reads_as(kept.draft, draft, names):
            return kept.draft
    declared = [argument for argument in draft.arguments if argument not in included]
    return replace(draft, arguments=merge_arguments(placeholders(draft), declared))


def _reads_as(kept: Draft, draft: Draft, included: Collection[str]) -> bool:
    """Tell whether a version once read as a draft does, whatever its includes declared then."""
    declared = {each.name for each in kept.arguments if each != Argument(each.name)}

    def own(read: Draft) -> Draft:
        known = (
            each for each in read.arguments if each.name not in included or each.name in declared
        )
        return replace(read, arguments=tuple(known))

    return content_hash(own(kept)) == content_hash(own(draft))
