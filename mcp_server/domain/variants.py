"""Variants: texts of one version for different models, and the choice among them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mcp_server.domain.drafts import placeholders
from storage.values.entities import Draft, Message


@dataclass(frozen=True, slots=True)
class Chosen:
    """The messages for a model; `variant` is their key, None for the base text."""

    variant: str | None
    messages: tuple[Message, ...]


def choose_variant(draft: Draft, model_type: str | None) -> Chosen:
    """Return a model's own variant, else that of its longest prefix, else the base text."""
    key = best_match(draft.variants, model_type) if model_type else None
    return Chosen(None, draft.messages) if key is None else Chosen(key, draft.variants[key])


def best_match(keys: Iterable[str], model_type: str) -> str | None:
    """Return the key that matches a model best: exactly, else by the longest `prefix*`."""
    known = set(keys)
    if model_type in known:
        return model_type
    fitting = (key for key in known if key.endswith("*") and model_type.startswith(key[:-1]))
    return max(fitting, key=len, default=None)


def for_variant(draft: Draft, variant: str | None) -> Draft:
    """Return a draft of one variant alone; arguments that only others use become optional."""
    if not draft.variants:
        return draft
    messages = draft.messages if variant is None else draft.variants[variant]
    chosen = replace(draft, messages=messages, variants={})
    needless = set(placeholders(draft)) - set(placeholders(chosen))
    arguments = tuple(
        replace(each, required=False) if each.name in needless else each for each in draft.arguments
    )
    return replace(chosen, arguments=arguments)
