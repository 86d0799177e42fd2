"""Declaring: which arguments of a prompt that was read out are its own, and not those it includes.

Whoever reads a prompt sees the arguments of what it includes among its own. Brought back as they
are read, they would all be declared by the prompt itself.
"""

from dataclasses import replace

from mcp_server.domain.arguments import merge_arguments
from mcp_server.domain.composition import Composition, includes_of, merge_included
from mcp_server.domain.drafts import content_hash, placeholders
from mcp_server.service.composing import Composer
from storage.database import Transaction
from storage.entities import Draft, Prompt
from storage.ids import new_id


async def own_draft(
    tx: Transaction, composer: Composer, name: str, draft: Draft, present: Prompt | None
) -> Draft:
    """Return a draft without the arguments that come from what it includes.

    Where the prompt's served or newest version reads as the draft does, it is that version's.
    """
    key = new_id() if present is None else present.id
    composition = await composer.compose_draft(tx, name, key, draft)
    numbers = {present.served_version, present.latest_version} if present else set()
    for number in sorted(numbers):
        kept = await tx.versions.find(key, number)
        if kept is not None and _reads_as(kept.draft, draft, composition):
            return kept.draft
    included = merge_included((), includes_of(draft), composition.fragments)
    declared = [argument for argument in draft.arguments if argument not in included]
    return replace(draft, arguments=merge_arguments(placeholders(draft), declared))


def _reads_as(kept: Draft, draft: Draft, composition: Composition) -> bool:
    merged = merge_included(kept.arguments, includes_of(kept), composition.fragments)
    return content_hash(replace(kept, arguments=merged)) == content_hash(draft)
