"""Histories: the moves that a file leaves out are told as what they are, those of the import."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from mcp_server.domain.drafts import content_hash, make_draft
from mcp_server.domain.formats.histories import with_moves
from storage.values.entities import Branch, History, RecordedMove, Version

THEN = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 2, 1, tzinfo=UTC)


def version(number: int) -> Version:
    draft = make_draft(template=f"text {number}")
    return Version(
        UUID(int=0), number, "main", None, None, draft, (), None, "ann", THEN, content_hash(draft)
    )


def test_a_label_without_the_move_that_put_it_where_it_is_gets_one():
    told = RecordedMove("best", None, 1, {}, "ann", "first", THEN)
    branches = (Branch("main", 3, "ann", THEN),)
    versions = tuple(map(version, (1, 2, 3)))
    whole = History(versions, branches, {"best": 1}, moves=(told,))
    assert with_moves(whole, "kim", NOW, "Import") is whole
    moved = replace(whole, labels={"best": 2, "new": 3}, weights={"new": {1: 10, 3: 90}})
    assert with_moves(moved, "kim", NOW, "Import").moves == (
        told,
        RecordedMove("best", 1, 2, {}, "kim", "Import", NOW),
        RecordedMove("new", None, 3, {1: 10, 3: 90}, "kim", "Import", NOW),
    )


def test_a_label_that_isnt_where_its_last_move_led_gets_one_more():
    moves = tuple(
        RecordedMove(label, None, 1, weights, "ann", "first", THEN)
        for label, weights in [("same", {}), ("gone", {}), ("trial", {}), ("ended", {1: 2, 2: 1})]
    )
    taken = RecordedMove("taken", 1, None, {}, "ann", None, THEN)
    branches = (Branch("main", 2, "ann", THEN),)
    versions = tuple(map(version, (1, 2)))
    labels = {"same": 1, "trial": 1, "ended": 1}
    told = History(versions, branches, labels, {"trial": {1: 5, 2: 4}}, (*moves, taken))
    assert with_moves(told, "kim", NOW, "Import").moves[5:] == (
        RecordedMove("trial", 1, 1, {1: 5, 2: 4}, "kim", "Import", NOW),
        RecordedMove("ended", 1, 1, {}, "kim", "Import", NOW),
        RecordedMove("gone", 1, None, {}, "kim", "Import", NOW),
    )
