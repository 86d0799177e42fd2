"""Declaring: separates a prompt's own arguments from those of the prompts it includes.

A reader sees both together. Written back as they are read, they would all be declared by the
prompt itself.
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
    """Return a draft without the arguments of the prompts it includes.

    If the prompt's served or newest version reads the same as the draft, that version's draft is
    returned.
    """
    key = new_id() if present is None else present.id
    composition = await composer.compose_draft(tx, name, key, draft)
    included = merge_included((), includes_of(draft), composition.fragments)
    names = {argument.name for argument in included}
    numbers = {present.served_version, present.latest_version} if present else set()
    for number in sorted(numbers):
        version = await tx.versions.find(key, number)
        if version is not None and _reads_as(version.draft, draft, names):
            return version.draft
    declared = [argument for argument in draft.arguments if argument not in included]
    return replace(draft, arguments=merge_arguments(placeholders(draft), declared))


def _reads_as(stored: Draft, draft: Draft, included: Collection[str]) -> bool:
    """Return whether two drafts read the same, apart from included arguments."""
    declared = {each.name for each in stored.arguments if each != Argument(each.name)}

    def own(side: Draft) -> Draft:
        arguments = (
            each for each in side.arguments if each.name not in included or each.name in declared
        )
        return replace(side, arguments=tuple(arguments))

    return content_hash(own(stored)) == content_hash(own(draft))
