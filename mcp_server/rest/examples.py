"""Examples for the document: one prompt and the operations on it.

The answers are built by the functions that present the real ones, so they can't look different.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from mcp_server.domain.diffs import diff_versions
from mcp_server.domain.drafts import content_hash, make_draft
from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.formats.records import write_record
from mcp_server.domain.rendering import render
from mcp_server.rest.shapes import (
    HistoryOut,
    LabelsOut,
    PromptFoundOut,
    PromptsOut,
    present_merge_read,
    present_read,
    present_version_read,
    present_write,
)
from mcp_server.schemas.archiving import ArchivedOut, present_archived
from mcp_server.schemas.base import Shape
from mcp_server.schemas.branches import present_branch, present_branches
from mcp_server.schemas.importing import present_import
from mcp_server.schemas.labels import present_label_history, present_move
from mcp_server.schemas.prompts import present_summary
from mcp_server.schemas.reading import present_rendered
from mcp_server.schemas.versions import present_diff, present_versions
from mcp_server.service.outcomes import ImportResult, OutcomeLog
from mcp_server.service.results import (
    Archiving,
    BranchChange,
    BranchStanding,
    Comparison,
    LabelMove,
    Merged,
    PromptVersion,
    RenderedPrompt,
    Saved,
)
from storage.values.entities import (
    MAIN,
    Branch,
    Draft,
    Metadata,
    Prompt,
    PromptSummary,
    RecordedMove,
    Version,
    VersionSummary,
)
from storage.values.pages import Page

_ID = UUID("01980d6a-7b1c-7d2e-8f3a-4b5c6d7e8f90")
_CREATED = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
_CHANGED = datetime(2026, 2, 3, 14, 5, tzinfo=UTC)
_OLD_TEXT = "Review this {{language}} code:\n\n{{code}}"
_TEXT = "Review this {{language}} code. Name the worst fault first.\n\n{{code}}"
_VALUES = {"language": "Python", "code": "print(1)"}
_WRITTEN = {
    "template": _TEXT,
    "tags": ["review", "python"],
    "model_type": "gpt-4",
    "commit_message": "Ask for the worst fault first",
}

BODIES: dict[str, dict[str, Any]] = {
    "create_prompt": {
        "text": {
            "summary": "A text with blanks",
            "value": {"name": "code-review", "title": "Code review", **_WRITTEN},
        },
        "messages": {
            "summary": "Several messages, and what to say about a blank",
            "value": {
                "name": "code-review-chat",
                "messages": [
                    {"role": "system", "content": "You review code, briefly."},
                    {"role": "user", "content": {"type": "text", "text": "{{code}}"}},
                ],
                "arguments": [{"name": "code", "description": "What to review"}],
                "folder": "team/code",
                "model_config": {"temperature": 0.2},
            },
        },
    },
    "replace_prompt": {
        "text": {"summary": "A new text", "value": _WRITTEN},
        "guarded": {
            "summary": "Only if nobody wrote since version 1",
            "value": {"template": _TEXT, "expected_version": 1},
        },
    },
    "update_prompt": {
        "tags": {"summary": "Other tags; no new version", "value": {"tags": ["review"]}},
        "title": {"summary": "Take the title away", "value": {"title": ""}},
    },
    "render_prompt": {"values": {"summary": "A value for each", "value": {"arguments": _VALUES}}},
    "restore_version": {
        "reason": {
            "summary": "With a reason",
            "value": {"commit_message": "The old one was better"},
        }
    },
    "set_label": {
        "version": {"summary": "Point at a version", "value": {"version": 2}},
        "promote": {
            "summary": "Promote what staging is",
            "value": {"reference": "staging", "reason": "Tested for a week"},
        },
        "share": {"summary": "Try a version on a tenth", "value": {"weights": {"1": 90, "2": 10}}},
    },
    "create_branch": {
        "newest": {"summary": "At the newest version of main", "value": {"branch": "terse"}},
        "version": {"summary": "At a version", "value": {"branch": "terse", "version": 1}},
    },
    "merge_branch": {
        "merge": {
            "summary": "Merge, and delete the branch",
            "value": {"branch": "terse", "delete_branch": True},
        },
        "resolve": {
            "summary": "Decide what both sides changed",
            "value": {"branch": "terse", "resolution": {"template": _TEXT}},
        },
    },
    "import_prompts": {
        "texts": {
            "summary": "Two prompts, one of which includes the other",
            "value": [
                {"name": "house-style", "template": "Write plainly."},
                {"name": "greeting", "template": "{{> house-style}} Greet {{who}}."},
            ],
        }
    },
}


def answers() -> dict[str, dict[str, Any]]:
    """Return an example answer for each operation."""
    examples: dict[str, Any] = {name: shape.write() for name, shape in _shapes().items()}
    exported = PromptFile(Metadata("code-review"), _version(2, _TEXT).draft, "ada", "")
    return examples | {"export_prompts": [write_record(exported)]}


def _shapes() -> dict[str, Shape]:
    old, new = _version(1, _OLD_TEXT), _version(2, _TEXT)
    prompt = _prompt()
    source = PromptVersion(prompt, new)
    saved = present_write(Saved(source, new_version=True, changed=True))
    move = LabelMove(prompt, "production", 1, 2)
    created = replace(prompt, last_version=1, labels={}, branches={MAIN: 1}, updated_at=_CREATED)
    first = Saved(PromptVersion(created, replace(old, draft=new.draft)), True, True)
    rendered = render(new.draft, _VALUES, allow_unknown=False)
    branched = replace(prompt, branches={MAIN: 2, "terse": 2})
    merge = PromptVersion(
        replace(prompt, last_version=4, branches={MAIN: 4, "terse": 3}),
        replace(new, version=4, parent=2, merged_from=3, commit_message="Merge branch 'terse'"),
    )
    versions = Page((_listed(new, ("production",)), _listed(old, ())))
    return {
        "list_prompts": PromptsOut(
            items=[_found(prompt, new.draft)], next_cursor="q3Vd0xNbWyJyZXZpZXciXQ"
        ),
        "create_prompt": present_write(first),
        "get_prompt": present_read(source),
        "replace_prompt": saved,
        "update_prompt": saved,
        "archive_prompt": _archived(prompt),
        "restore_prompt": present_archived(Archiving(prompt)),
        "render_prompt": present_rendered(RenderedPrompt(source, rendered.messages)),
        "list_versions": present_versions(versions),
        "get_version": present_version_read(PromptVersion(prompt, old)),
        "restore_version": saved,
        "get_history": HistoryOut(
            items=[present_version_read(PromptVersion(prompt, each)) for each in (new, old)],
            next_cursor=None,
        ),
        "diff_versions": present_diff(Comparison(diff_versions(old, new))),
        "list_labels": LabelsOut(labels=dict(prompt.labels)),
        "set_label": present_move(move),
        "get_label_history": present_label_history(
            Page((RecordedMove("production", 1, 2, {}, "ada", "Tested for a week", _CHANGED),))
        ),
        "list_branches": present_branches(
            [
                BranchStanding(Branch(MAIN, 2, "ada", _CREATED), 0, 0),
                BranchStanding(Branch("terse", 3, "ada", _CHANGED), 1, 0),
            ]
        ),
        "import_prompts": present_import(ImportResult({"created": 2}, True), OutcomeLog()),
        "create_branch": present_branch(BranchChange(branched, "terse", 2)),
        "delete_branch": present_branch(BranchChange(prompt, "terse", None)),
        "merge_branch": present_merge_read(
            Merged(merge, "merged", "terse", MAIN, 1, branch_deleted=False)
        ),
        "remove_label": present_move(
            replace(move, from_version=2, to_version=None, prompt=created)
        ),
    }


def _archived(prompt: Prompt) -> ArchivedOut:
    broken = (
        f"'{prompt.name}' is included by 'release-notes', which can't be used any more. "
        f"'{prompt.name}' is to be included, but '{prompt.name}' is archived. Restore it, or take "
        "the include out."
    )
    archived = replace(prompt, archived_at=prompt.updated_at)
    return present_archived(Archiving(archived, (broken,)))


def _prompt() -> Prompt:
    return Prompt(
        id=_ID,
        name="code-review",
        title="Code review",
        description=None,
        folder="team/code",
        tags=("review", "python"),
        last_version=2,
        labels={"production": 2},
        branches={MAIN: 2},
        created_at=_CREATED,
        updated_at=_CHANGED,
        archived_at=None,
    )


def _version(number: int, text: str) -> Version:
    draft = make_draft(template=text, model_type="gpt-4")
    return Version(
        prompt_id=_ID,
        version=number,
        branch=MAIN,
        parent=number - 1 or None,
        merged_from=None,
        draft=draft,
        tags=("review", "python"),
        commit_message=None if number == 1 else str(_WRITTEN["commit_message"]),
        created_by="ada",
        created_at=_CREATED if number == 1 else _CHANGED,
        content_hash=content_hash(draft),
    )


def _listed(version: Version, labels: tuple[str, ...]) -> VersionSummary:
    return VersionSummary(
        version=version.version,
        branch=version.branch,
        parent=version.parent,
        merged_from=version.merged_from,
        labels=labels,
        moves=tuple(RecordedMove(each, 1, 2, {}, "ada", None, _CHANGED) for each in labels),
        tags=version.tags,
        model_type=version.draft.model_type,
        commit_message=version.commit_message,
        created_by=version.created_by,
        created_at=version.created_at,
        content_hash=version.content_hash,
    )


def _found(prompt: Prompt, draft: Draft) -> PromptFoundOut:
    summary = PromptSummary(
        id=prompt.id,
        name=prompt.name,
        title=prompt.title,
        description=prompt.description,
        folder=prompt.folder,
        tags=prompt.tags,
        version=prompt.latest_version,
        arguments=draft.arguments,
        model_type=draft.model_type,
        labels=tuple(prompt.labels),
        created_at=prompt.created_at,
        updated_at=prompt.updated_at,
        archived_at=None,
    )
    return PromptFoundOut(**present_summary(summary), score=1.5, snippet="Review this code")
