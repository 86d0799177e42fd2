"""Editing: a caller's input, applied to the metadata and content of a prompt."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, cast

from mcp_server.domain.arguments import declared_comparisons
from mcp_server.domain.drafts import make_draft
from mcp_server.domain.fields import CONTENT, METADATA, ContentInput, content_of
from mcp_server.domain.merging import Merge
from mcp_server.domain.names import check_metadata
from mcp_server.domain.patterns import UNJUDGED, Comparison, Verdicts
from mcp_server.service.inputs import PromptInput
from storage.values.entities import Argument, Draft, Metadata
from storage.values.errors import Invalid


def new_metadata(name: str, written: PromptInput) -> Metadata:
    """Return the metadata of a prompt that is about to be created.

    Raises:
        Invalid: the name or another field can't be used.
    """
    return revise_metadata(Metadata(name), written)


def revise_metadata(present: Metadata, written: PromptInput) -> Metadata:
    """Return the metadata with the written fields replaced.

    Raises:
        Invalid: a field can't be used.
    """
    changes: dict[str, Any] = {name: each for name, each in written.items() if name in METADATA}
    # None clears a field; these two have an empty value of their own.
    empty = {"folder": "", "tags": ()}
    changes |= {name: changes[name] or none for name, none in empty.items() if name in changes}
    return check_metadata(replace(present, **changes))


def written_comparisons(written: PromptInput) -> list[Comparison]:
    """Return the comparisons that the written arguments have to pass."""
    return declared_comparisons(tuple(written.get("arguments") or ()))


def new_draft(written: PromptInput, verdicts: Verdicts) -> Draft:
    """Return the content of a prompt that is about to be created.

    `verdicts` are those on `written_comparisons`, here and in `revise_draft`.

    Raises:
        Invalid: there is no template and no message, or a field can't be used.
    """
    return make_draft(**_content(written), verdicts=verdicts)


def revise_draft(present: Draft, written: PromptInput, verdicts: Verdicts = UNJUDGED) -> Draft:
    """Return the content with the written fields replaced.

    If the caller wrote no arguments, the old declarations stay as long as the new texts use them;
    their patterns were judged when they were written.

    Raises:
        Invalid: a field can't be used.
    """
    content = _content(written)
    if not content:
        return present
    revised = content_of(present) | content
    if "template" in content and "messages" not in content:
        del revised["messages"]
    texts_written = not content.keys().isdisjoint(("template", "messages", "variants"))
    if texts_written and "arguments" not in content:
        revised["arguments"] = _still_used(present, revised)
    return make_draft(**revised, verdicts=verdicts)


def check_whole(written: PromptInput, commit_message: str | None) -> None:
    """Refuse new content, or a message, for a copy that takes the whole history along.

    Raises:
        Invalid: there is some; names the fields.
    """
    names = list(_content(written))
    names += ["commit_message"] if commit_message is not None else []
    if names:
        raise Invalid(
            f"A copy with its history has the same versions, so {names[0]!r} can't be given. Leave "
            "it out and update the copy afterwards, or copy without the history.",
            fields=dict.fromkeys(names, "can't be given for a copy with its history"),
        )


def merged_comparisons(
    merge: Merge, resolution: PromptInput, sides: Iterable[Draft]
) -> list[Comparison]:
    """Return the comparisons that a merge has to pass, beyond those that a side has passed."""
    known = [argument for side in sides for argument in side.arguments]
    new = [argument for argument in merge.draft.arguments if argument not in known]
    return declared_comparisons(new) + written_comparisons(resolution)


def merged_draft(merge: Merge, resolution: PromptInput, verdicts: Verdicts) -> Draft:
    """Return the draft of a merge, with the fields of a resolution replaced.

    `verdicts` are those on `merged_comparisons`.

    Raises:
        Invalid: the result can't be stored, or a field of the resolution can't be used.
    """
    draft = make_draft(**content_of(merge.draft), verdicts=verdicts)
    return revise_draft(draft, resolution, verdicts)


def _still_used(present: Draft, revised: ContentInput) -> tuple[Argument, ...]:
    """Return the old declarations that the new texts still use."""
    inferred = make_draft(**(revised | ContentInput(arguments=())))
    used = {argument.name for argument in inferred.arguments}
    return tuple(argument for argument in present.arguments if argument.name in used)


def _content(written: PromptInput) -> ContentInput:
    """Return the written fields that belong to a version, in the order of files."""
    return cast(ContentInput, {name: written[name] for name in CONTENT if name in written})  # type: ignore[literal-required]
