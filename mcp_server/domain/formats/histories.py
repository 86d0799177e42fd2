"""Histories: all versions, branches, labels and moves of a prompt, as part of a record."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from mcp_server.domain.composition import includes_of
from mcp_server.domain.drafts import content_hash
from mcp_server.domain.fields import CONTENT
from mcp_server.domain.formats.contents import Record, present, read_draft, write_content
from mcp_server.domain.formats.keys import Keys, number_in
from mcp_server.domain.names import check_branch, check_label, check_name, check_tags
from mcp_server.domain.texts import MAX_NOTE, check_author, check_text, refused, shown
from mcp_server.domain.weights import check_weights, heaviest
from storage.values.entities import MAIN, Branch, History, RecordedMove, Version

HISTORY = (
    "former_names", "created_at", "archived_at", "branches", "labels", "moves", "versions",
)  # fmt: skip
_VERSION = (
    "version", "branch", "parent", "merged_from", "created_by", "created_at", "commit_message",
    "tags", *CONTENT,
)  # fmt: skip
_MOVE = ("label", "from", "to", "weights", "moved_by", "moved_at", "reason")
_BRANCH = ("head", "created_by", "created_at")
_NOBODY = UUID(int=0)


def write_history(history: History) -> Record:
    """Write all versions, branches, labels and moves."""
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
    return present(
        {
            "version": version.version,
            "branch": version.branch,
            "parent": version.parent,
            "merged_from": version.merged_from,
            "created_by": version.created_by,
            "created_at": _moment(version.created_at),
            "commit_message": version.commit_message,
            "tags": list(version.tags),
            **write_content(version.draft),
        }
    )


def _write_move(move: RecordedMove) -> Record:
    return present(
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


def read_history(keys: Keys) -> History:
    """Read the history that `write_history` writes.

    Raises:
        Invalid: it isn't a valid history: for example, there is a gap between versions.
    """
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
    draft = read_draft(keys)
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
        else check_text(note, keys.place("commit_message"), limit=MAX_NOTE),
        created_by=check_author(keys.needed("created_by"), keys.place("created_by")),
        created_at=keys.moment("created_at"),
        content_hash=content_hash(draft),
        includes=tuple(includes_of(draft)),
    )


def _before(keys: Keys, key: str, number: int) -> int | None:
    version = keys.number(key)
    if version is not None and version >= number:
        raise refused(keys.place(key), f"is {version}, which isn't before version {number}")
    return version


def _read_branch(branch: str, keys: Keys, newest: int) -> Branch:
    keys.only(_BRANCH)
    return Branch(
        check_branch(branch),
        _existing(keys.number("head"), keys.place("head"), newest),
        check_author(keys.needed("created_by"), keys.place("created_by")),
        keys.moment("created_at"),
    )


def _read_labels(
    values: Mapping[str, Any], newest: int
) -> tuple[dict[str, int], dict[str, dict[int, int]]]:
    labels: dict[str, int] = {}
    weights: dict[str, dict[int, int]] = {}
    for label, each in values.items():
        place = f"labels.{check_label(label)}"
        if isinstance(each, dict):
            weights[label] = _read_shares(each, place, newest)
            labels[label] = heaviest(weights[label])
        else:
            labels[label] = _existing(number_in(each, place), place, newest)
    return labels, weights


def _read_shares(weights: Mapping[str, Any], place: str, newest: int) -> dict[int, int]:
    shares = {
        _existing(number_in(version, place), place, newest): number_in(weight, f"{place}.{version}")
        for version, weight in weights.items()
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
        reason=None if note is None else check_text(note, keys.place("reason"), limit=MAX_NOTE),
    )


def _existing(number: int | None, place: str, newest: int) -> int:
    if number is None or number > newest:
        raise refused(place, f"is {shown(number)}, and there are {newest} versions. Name one")
    return number


def with_moves(history: History, by: str, at: datetime, reason: str) -> History:
    """Return a history in which the last move of each label leads to its current target."""
    last = {move.label: move for move in history.moves}
    missing: list[RecordedMove] = []
    for label in dict.fromkeys((*history.labels, *last)):
        recorded, current = _end(last.get(label)), _target(history, label)
        if recorded != current:
            missing.append(RecordedMove(label, recorded[0], *current, by, reason, at))
    return replace(history, moves=(*history.moves, *missing)) if missing else history


def _end(move: RecordedMove | None) -> tuple[int | None, Mapping[int, int]]:
    if move is None or move.to_version is None:
        return None, {}
    return move.to_version, move.weights


def _target(history: History, label: str) -> tuple[int | None, Mapping[int, int]]:
    return history.labels.get(label), history.weights.get(label, {})
