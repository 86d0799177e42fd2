"""Refusals of the database, as domain errors: the one place that knows constraint names.

Nothing checks before it inserts. The constraint decides, and its name chooses the sentence.
"""

import re

from sqlalchemy.exc import DBAPIError

from storage.values.errors import Conflict, Invalid, NotFound, PromptError

_SENTENCES: dict[str, tuple[type[PromptError], str]] = {
    "uq_prompts_name": (
        Conflict,
        "A prompt named '{value}' already exists (archived ones keep theirs). "
        "Choose another name, or update the prompt that has it.",
    ),
    "pk_prompt_names": (
        Conflict,
        "The name '{value}' leads to a prompt that was called so before it was renamed. "
        "Choose another name.",
    ),
    "ck_prompts_name": (Invalid, "The name isn't one that a prompt may have."),
    "ck_prompt_labels_label": (Invalid, "The label isn't one that a version may carry."),
    "fk_prompt_labels_prompt_id_version": (NotFound, "The prompt has no such version."),
    "fk_label_weights_prompt_id_version": (NotFound, "The prompt has no such version."),
    "fk_prompt_branches_prompt_id_head": (NotFound, "The prompt has no such version."),
    "pk_prompt_branches": (
        Conflict,
        "The prompt has a branch of that name already. Write on that one, or choose another name.",
    ),
    "prompt_versions_append_only": (Conflict, "A version never changes once it is written."),
    "label_history_append_only": (Conflict, "The history of labels is never rewritten."),
}

_REFUSED = re.compile(r"\)=\((.*?)\)")


def translate_refusal(error: DBAPIError) -> PromptError | None:
    """Turn a constraint's refusal into a domain error; None if it is a bug of ours."""
    cause = _cause(error)
    entry = _SENTENCES.get(getattr(cause, "constraint_name", None) or "")
    if entry is None:
        return None
    kind, sentence = entry
    return kind(sentence.format(value=_value(cause)))


def _value(cause: BaseException | None) -> str:
    """Return the refused value, which the detail in any language quotes as `(name)=(review)`."""
    value = _REFUSED.search(getattr(cause, "detail", None) or "")
    return value[1] if value else "that"


def _cause(error: DBAPIError) -> BaseException | None:
    """Return asyncpg's own exception, which carries the constraint's name."""
    return error.orig.__cause__ if error.orig is not None else None
