"""Records: prompts as JSON or YAML has them, with all that the library keeps of them.

A record is a mapping. `name`, `title`, `description`, `folder` and `tags` say what the prompt is.
Then comes the one text that is served of it (`template` or `messages`, `arguments`, …), or else its
history: `versions`, `branches`, `labels`, `moves` of labels, `former_names`.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from mcp_server.domain.composition import includes_of
from mcp_server.domain.drafts import (
    arguments_from_json,
    arguments_to_json,
    content_hash,
    make_draft,
    messages_from_json,
    messages_to_json,
)
from mcp_server.domain.formats.files import EVERYTHING, PromptFile, reading
from mcp_server.domain.formats.keys import Keys, number_in
from mcp_server.domain.messages import single_user_text
from mcp_server.domain.names import (
    check_branch,
    check_label,
    check_metadata,
    check_name,
    check_tags,
)
from mcp_server.domain.texts import check_author, check_text, refused, shown
from mcp_server.domain.weights import check_weights, heaviest
from storage.entities import (
    MAIN,
    Branch,
    Draft,
    History,
    Message,
    Metadata,
    RecordedMove,
    Version,
)

Record = dict[str, Any]

_SAYING = ("name", "title", "description", "folder", "tags")
_CONTENT = (
    "template", "messages", "template_format", "model_type", "arguments", "model_config",
    "variants",
)  # fmt: skip
_HISTORY = (
    "former_names", "created_at", "archived_at", "branches", "labels", "moves", "versions",
)  # fmt: skip
_VERSION = (
    "version", "branch", "parent", "merged_from", "created_by", "created_at", "commit_message",
    "tags", *_CONTENT,
)  # fmt: skip
_MOVE = ("label", "from", "to", "weights", "moved_by", "moved_at", "reason")
_BRANCH = ("head", "created_by", "created_at")
_NOBODY = UUID(int=0)
_MAX_NOTE = 2_000


def write_record(file: PromptFile) -> Record:
    """Write a prompt, with its history where it has one."""
    said = file.metadata
    record: Record = {
        "name": said.name,
        "title": said.title,
        "description": said.description,
        "folder": said.folder,
        "tags": list(said.tags),
    }
    if file.history is None:
        record |= {"created_by": file.created_by, **_write_content(file.draft)}
    else:
        record |= _write_history(file.history)
    return _present(record)


def read_record(value: object, source: str) -> PromptFile:
    """Read a prompt that `write_record` wrote, or somebody like it.

    Raises:
        Invalid: it isn't one; the sentence names the source and the place in it.
    """
    return reading(source, partial(_read, value, source))


def _write_content(draft: Draft) -> Record:
    text = single_user_text(draft.messages)
    return {
        "template": text,
        "messages": messages_to_json(draft.messages) if text is None else None,
        "template_format": draft.template_format,
        "model_type": draft.model_type,
        "arguments": arguments_to_json(draft.arguments),
        "model_config": dict(draft.model_config),
        "variants": {key: messages_to_json(each) for key, each in draft.variants.items()},
    }


def _write_history(history: History) -> Record:
    return {
        "former_names": list(history.former_names),
        "created_at": _moment(history.created_at),
        "archived_at": _moment(history.archived_at),
        "branches": {
            each.branch: {
                "head": each.head,
                "created_by": each.created_by,
                "created_at": _moment(each.created_at),
            }
            for each in history.branches
        },
        "labels": {
            label: _shares(history.weights[label]) if label in history.weights else version
            for label, version in sorted(history.labels.items())
        },
        "moves": [_write_move(move) for move in history.moves],
        "versions": [_write_version(version) for version in history.versions],
    }


def _write_version(version: Version) -> Record:
    return _present(
        {
            "version": version.version,
            "branch": version.branch,
            "parent": version.parent,
            "merged_from": version.merged_from,
            "created_by": version.created_by,
            "created_at": _moment(version.created_at),
            "commit_message": version.commit_message,
            "tags": list(version.tags),
            **_write_content(version.draft),
        }
    )


def _write_move(move: RecordedMove) -> Record:
    return _present(
        {
            "label": move.label,
            "from": move.from_version,
            "to": move.to_version,
            "weights": _shares(move.weights),
            "moved_by": move.moved_by,
            "moved_at": _moment(move.moved_at),
            "reason": move.reason,
        }
    )


def _shares(weights: Mapping[int, int]) -> dict[str, int]:
    return {str(version): weight for version, weight in sorted(weights.items())}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _present(record: Record) -> Record:
    return {key: value for key, value in record.items() if value not in (None, "", [], {})}


def _read(value: object, source: str) -> PromptFile:
    keys = Keys(value)
    if "versions" not in keys:
        keys.only((*_SAYING, "created_by", *_CONTENT))
        said, draft = _read_metadata(keys), _read_content(keys)
        return PromptFile(said, draft, _author(keys), source, EVERYTHING & set(keys))
    keys.only((*_SAYING, *_HISTORY))
    said = _read_metadata(keys)
    history = _read_history(keys)
    heads = {each.branch: each.head for each in history.branches}
    main = history.versions[heads[MAIN] - 1]
    return PromptFile(said, main.draft, main.created_by, source, history=history)


def _read_metadata(keys: Keys) -> Metadata:
    return check_metadata(
        Metadata(
            name=check_name(keys.needed("name")),
            title=keys.text("title"),
            description=keys.text("description"),
            folder=keys.text("folder") or "",
            tags=keys.texts("tags"),
        )
    )


def _read_content(keys: Keys) -> Draft:
    variants = keys.mapping("variants")
    return make_draft(
        template=keys.text("template"),
        messages=_messages(keys.items("messages"), keys.place("messages"))
        if "messages" in keys
        else None,
        arguments=arguments_from_json(keys.items("arguments"), keys.place("arguments")),
        template_format=keys.text("template_format") or "simple",  # type: ignore[arg-type]  # checked there
        model_type=keys.text("model_type"),
        model_config=keys.mapping("model_config"),
        variants={
            key: _messages(each, keys.place(f"variants.{key}")) for key, each in variants.items()
        },
    )


def _messages(value: object, path: str) -> tuple[Message, ...]:
    """Read messages; content that is bare text is text."""
    items = [
        each | {"content": {"type": "text", "text": each["content"]}}
        if isinstance(each, dict) and isinstance(each.get("content"), str)
        else each
        for each in (value if isinstance(value, list) else [value])
    ]
    return messages_from_json(items, path)


def _read_history(keys: Keys) -> History:
    versions = tuple(
        _read_version(Keys(each, f"versions[{index}]"), index + 1)
        for index, each in enumerate(keys.items("versions"))
    )
    newest = len(versions)
    branches = tuple(
        _read_branch(branch, Keys(each, f"branches.{branch}"), newest)
        for branch, each in sorted(keys.mapping("branches").items())
    )
    if MAIN not in [each.branch for each in branches]:
        raise refused("branches", "doesn't name 'main'. Write 'main' with the 'head' that it has")
    labels, weights = _read_labels(keys.mapping("labels"), newest)
    moves = tuple(
        _read_move(Keys(each, f"moves[{index}]"), newest)
        for index, each in enumerate(keys.items("moves"))
    )
    return History(
        versions=versions,
        branches=branches,
        labels=labels,
        weights=weights,
        moves=moves,
        former_names=tuple(check_name(name) for name in keys.texts("former_names")),
        created_at=keys.moment("created_at") if "created_at" in keys else versions[0].created_at,
        archived_at=keys.moment("archived_at") if "archived_at" in keys else None,
    )


def _read_version(keys: Keys, number: int) -> Version:
    keys.only(_VERSION)
    if keys.number("version") != number:
        raise refused(
            keys.place("version"),
            f"has to be {number}: versions are listed in order, from 1 on and without a gap",
        )
    draft = _read_content(keys)
    note = keys.text("commit_message")
    return Version(
        prompt_id=_NOBODY,
        version=number,
        branch=check_branch(keys.text("branch") or MAIN),
        parent=_before(keys, "parent", number),
        merged_from=_before(keys, "merged_from", number),
        draft=draft,
        tags=check_tags(keys.texts("tags")),
        commit_message=None
        if note is None
        else check_text(note, keys.place("commit_message"), limit=_MAX_NOTE),
        created_by=check_author(keys.needed("created_by"), keys.place("created_by")),
        created_at=keys.moment("created_at"),
        content_hash=content_hash(draft),
        includes=tuple(includes_of(draft)),
    )


def _before(keys: Keys, key: str, number: int) -> int | None:
    found = keys.number(key)
    if found is not None and found >= number:
        raise refused(keys.place(key), f"is {found}, which isn't before version {number}")
    return found


def _read_branch(branch: str, keys: Keys, newest: int) -> Branch:
    keys.only(_BRANCH)
    return Branch(
        check_branch(branch),
        _existing(keys.number("head"), keys.place("head"), newest),
        check_author(keys.needed("created_by"), keys.place("created_by")),
        keys.moment("created_at"),
    )


def _read_labels(
    written: Mapping[str, Any], newest: int
) -> tuple[dict[str, int], dict[str, dict[int, int]]]:
    labels: dict[str, int] = {}
    weights: dict[str, dict[int, int]] = {}
    for label, each in written.items():
        place = f"labels.{check_label(label)}"
        if isinstance(each, dict):
            weights[label] = _read_shares(each, place, newest)
            labels[label] = heaviest(weights[label])
        else:
            labels[label] = _existing(number_in(each, place), place, newest)
    return labels, weights


def _read_shares(written: Mapping[str, Any], place: str, newest: int) -> dict[int, int]:
    shares = {
        _existing(number_in(version, place), place, newest): number_in(weight, f"{place}.{version}")
        for version, weight in written.items()
    }
    return check_weights(shares)


def _read_move(keys: Keys, newest: int) -> RecordedMove:
    keys.only(_MOVE)
    before, after = (
        _existing(keys.number(key), keys.place(key), newest) if key in keys else None
        for key in ("from", "to")
    )
    shares = keys.mapping("weights")
    note = keys.text("reason")
    return RecordedMove(
        check_label(keys.needed("label")),
        before,
        after,
        weights=_read_shares(shares, keys.place("weights"), newest) if shares else {},
        moved_by=check_author(keys.needed("moved_by"), keys.place("moved_by")),
        moved_at=keys.moment("moved_at"),
        reason=None if note is None else check_text(note, keys.place("reason"), limit=_MAX_NOTE),
    )


def _existing(number: int | None, place: str, newest: int) -> int:
    if number is None or number > newest:
        raise refused(place, f"is {shown(number)}, and there are {newest} versions. Name one")
    return number


def _author(keys: Keys) -> str | None:
    author = keys.text("created_by")
    return check_author(author, "created_by") if author and author.strip() else None


def with_moves(history: History, by: str, at: datetime, reason: str) -> History:
    """Return a history in which each label has a move that put it where it is."""
    last = {move.label: move for move in history.moves}
    missing: list[RecordedMove] = []
    for label, version in history.labels.items():
        present = last.get(label)
        if present is None or present.to_version != version:
            before = present.to_version if present else None
            shares: Mapping[int, int] = history.weights.get(label, {})
            missing.append(RecordedMove(label, before, version, shares, by, at, reason))
    return replace(history, moves=(*history.moves, *missing)) if missing else history
