from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from storage.ids import new_id
from storage.labels import Labels
from storage.values.entities import Move, RecordedMove
from storage.values.errors import NotFound
from tests.support.library import add_prompt

THEN = datetime(2026, 1, 1, tzinfo=UTC)


def _move(label: str, before: int | None, after: int | None, **weights: int) -> Move:
    shares = {int(name[1:]): weight for name, weight in weights.items()}
    return Move(label, before, after, shares, "me", None)


async def _record(database, *moves) -> None:
    async with database.transaction() as tx:
        await tx.labels.record(moves)


async def _found(database, name):
    async with database.reading() as tx:
        return await tx.prompts.find(name)


async def _moves(database, prompt_id):
    async with database.reading() as tx:
        page = await tx.labels.list_moves(prompt_id, label=None, limit=99)
    return page.items[::-1]


async def test_labels_are_where_their_last_moves_lead_and_every_move_is_remembered(database):
    one = await add_prompt(database, "one", versions=3)
    two = await add_prompt(database, "two", versions=3)
    moves = [
        (one, _move("staging", None, 1)),
        (two, _move("staging", None, 3)),
        (one, _move("trial", None, 2, v1=1, v2=2)),
        (one, _move("staging", 1, None)),
        (one, _move("staging", None, 3)),
        (two, _move("staging", 3, None)),
    ]
    await _record(database, *moves)
    found = await _found(database, "one")
    assert (found.labels, found.weights) == ({"staging": 3, "trial": 2}, {"trial": {1: 1, 2: 2}})
    assert (await _found(database, "two")).labels == {}
    for prompt_id in (one, two):
        assert [
            (each.label, each.from_version, each.to_version, each.weights)
            for each in await _moves(database, prompt_id)
        ] == [
            (move.label, move.from_version, move.to_version, move.weights)
            for moved, move in moves
            if moved == prompt_id
        ]


@pytest.mark.parametrize("after", [1, 2, None])
async def test_weights_end_with_the_move_that_has_none(database, after):
    prompt_id = await add_prompt(database, "shared", versions=2)
    await _record(database, (prompt_id, _move("trial", None, 2, v1=1, v2=2)))
    await _record(database, (prompt_id, _move("trial", 2, 2, v1=3, v2=4)))
    assert (await _found(database, "shared")).weights == {"trial": {1: 3, 2: 4}}
    await _record(database, (prompt_id, _move("trial", 2, after)))
    found = await _found(database, "shared")
    assert (found.labels.get("trial"), found.weights) == (after, {})


async def test_a_move_of_the_past_keeps_its_moment_and_others_get_the_present_one(database):
    prompt_id = await add_prompt(database, "dated")
    past = RecordedMove("old", None, 1, {}, "ann", "Then", THEN)
    await _record(database, (prompt_id, past), (prompt_id, _move("new", None, 1)))
    old, new = await _moves(database, prompt_id)
    assert old == past
    assert new.moved_at > THEN
    async with database.reading() as tx:
        query = sa.text("SELECT label, moved_at FROM prompt_labels")
        moments = dict((await tx.connection.execute(query)).all())
    assert moments["old"] == THEN
    assert moments["new"] > THEN


async def test_a_label_that_moves_again_tells_its_last_mover(database):
    prompt_id = await add_prompt(database, "handed")
    await _record(database, (prompt_id, RecordedMove("a", None, 1, {}, "ann", None, THEN)))
    await _record(database, (prompt_id, _move("a", 1, 1)))
    async with database.reading() as tx:
        query = sa.text("SELECT moved_by FROM prompt_labels WHERE moved_at > :then")
        assert (await tx.connection.scalars(query, {"then": THEN})).all() == ["me"]


async def test_a_move_to_a_version_that_isnt_there_is_refused(database):
    prompt_id = await add_prompt(database, "short")
    with pytest.raises(NotFound, match="no such version"):
        await _record(database, (prompt_id, _move("production", None, 7)))
    assert await _moves(database, prompt_id) == ()


@pytest.mark.parametrize(("prompts", "statements"), [(0, 0), (1, 5), (300, 5)])
async def test_many_moves_take_as_many_statements_as_few(prompts, statements):
    class Counting:
        def __init__(self):
            self.count = 0

        async def execute(self, statement, rows):
            assert rows
            self.count += 1

    connection = Counting()
    moves = [_move("a", None, 1), _move("b", None, 2, v1=1, v2=1), _move("c", 1, None)]
    ids = [new_id() for _ in range(prompts)]
    await Labels(connection).record([(prompt_id, move) for prompt_id in ids for move in moves])
    assert connection.count == statements
