"""Labels that come along: with files, and with copies."""

import json
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from mcp_server.domain.formats.registry import read_file
from mcp_server.service.inputs import PromptInput
from mcp_server.service.outcomes import Options, Outcome
from storage.values.entities import PromptFilter
from tests.support.seeing import as_

MADE = {"created_by": "ann", "created_at": "2026-01-01T00:00:00Z"}
COUNTING = """
CREATE TABLE counted (name text);
CREATE FUNCTION count_served() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN INSERT INTO counted VALUES (NEW.name); RETURN NULL; END';
CREATE TRIGGER count_served AFTER UPDATE OF served_version ON prompts
  FOR EACH ROW EXECUTE FUNCTION count_served()
"""


def _move(label: str, before: int | None, after: int | None, day: int, **also: object) -> object:
    moment = f"2026-01-{day:02}T00:00:00Z"
    return {
        "label": label, "from": before, "to": after, "moved_by": "bob", "moved_at": moment, **also,
    }  # fmt: skip


def _record(name: str, text: str = "text", **also: object) -> dict[str, object]:
    versions = [
        {"version": number, "template": f"{text} {number}", "branch": "main", **MADE}
        for number in (1, 2, 3)
    ]
    branches = {"main": {"head": 3, **MADE}}
    return {"name": name, "branches": branches, "versions": versions, **also}


async def _import(library, *records: object, **options: bool) -> list[str]:
    told: list[Outcome] = []
    files = read_file("all.json", json.dumps(records))
    await library.importing.bring_in(files, options=Options(**options), report=told.append)
    return [each.kind for each in told]


async def _moves(library, name: str) -> list[tuple[object, ...]]:
    """Return the moves of a prompt's labels, oldest first, without their moments."""
    page = await library.labels.list_moves(name, limit=99)
    return [
        (each.label, each.from_version, each.to_version, each.weights, each.moved_by, each.reason)
        for each in reversed(page.items)
    ]


async def test_the_words_of_what_an_import_serves_are_found_once(library, connector):
    connection = await connector.connect()
    await connection.execute(COUNTING)
    await _import(
        library,
        _record("plain", labels={"production": 1}),
        _record("user", "{{> plain}}", labels={"production": 2}),
    )
    counted = await connection.fetch("SELECT name, count(*) FROM counted GROUP BY name")
    assert {name: times for name, times in counted} == {"plain": 1, "user": 1}
    await connection.close()


async def test_moves_come_in_as_they_were_made(library, database):
    shares = {"1": 10, "2": 90}
    record = _record(
        "story",
        labels={"production": 3, "trial": shares},
        moves=[
            _move("trial", None, 1, 1, reason="First"),
            _move("production", None, 3, 2),
            _move("gone", None, 2, 3),
            _move("trial", 1, 2, 4, weights=shares),
            _move("gone", 2, None, 5),
        ],
    )
    assert await _import(library, record) == ["created"]
    assert await _moves(library, "story") == [
        ("trial", None, 1, {}, "bob", "First"),
        ("production", None, 3, {}, "bob", None),
        ("gone", None, 2, {}, "bob", None),
        ("trial", 1, 2, {1: 10, 2: 90}, "bob", None),
        ("gone", 2, None, {}, "bob", None),
    ]
    days = [each.moved_at.day for each in (await library.labels.list_moves("story", limit=9)).items]
    assert days == [5, 4, 3, 2, 1]
    prompt = (await library.prompts.get("story")).prompt
    assert prompt.labels == {"production": 3, "trial": 2}
    assert prompt.weights == {"trial": {1: 10, 2: 90}}
    async with database.reading() as tx:
        query = "SELECT label, moved_by, moved_at FROM prompt_labels ORDER BY label"
        assert (await tx.connection.execute(sa.text(query))).all() == [
            ("production", "bob", datetime(2026, 1, 2, tzinfo=UTC)),
            ("trial", "bob", datetime(2026, 1, 4, tzinfo=UTC)),
        ]


async def test_labels_are_where_a_file_has_them_whatever_its_moves_say(library):
    shares = {"1": 10, "2": 90}
    moves = [_move("trial", None, 2, 1), _move("gone", None, 1, 2)]
    assert await _import(library, _record("story", labels={"trial": shares}, moves=moves)) == [
        "created"
    ]
    prompt = (await library.prompts.get("story")).prompt
    assert (prompt.labels, prompt.weights) == ({"trial": 2}, {"trial": {1: 10, 2: 90}})
    assert (await _moves(library, "story"))[2:] == [
        ("trial", 2, 2, {1: 10, 2: 90}, "me", "Import from all.json"),
        ("gone", 1, None, {}, "me", "Import from all.json"),
    ]


async def test_a_label_of_a_file_without_moves_tells_who_imported_it(library):
    await _import(library, {"name": "note", "template": "x", "labels": ["staging"]})
    assert await _moves(library, "note") == [("staging", None, 1, {}, "me", "Import from all.json")]


async def test_an_import_that_may_move_labels_moves_those_that_differ(library):
    await _import(library, _record("story", labels={"production": 3, "trial": 2, "same": 1}))
    await library.labels.set("story@1", "other")
    shares = {"2": 50, "3": 50}
    record = _record("story", labels={"production": 1, "trial": shares, "same": 1, "new": 2})
    assert await _import(as_("kim", library), record) == ["unchanged"]
    assert await _import(as_("kim", library), record, move_labels=True) == ["updated"]
    assert await _import(as_("kim", library), record, move_labels=True) == ["unchanged"]
    prompt = (await library.prompts.get("story")).prompt
    assert prompt.labels == {"production": 1, "trial": 3, "same": 1, "new": 2, "other": 1}
    assert prompt.weights == {"trial": {2: 50, 3: 50}}
    reason = "Import from all.json"
    assert (await _moves(library, "story"))[-3:] == [
        ("production", 3, 1, {}, "kim", reason),
        ("trial", 2, 3, {2: 50, 3: 50}, "kim", reason),
        ("new", None, 2, {}, "kim", reason),
    ]


async def test_an_import_ends_a_trial_and_its_weights_go(library):
    shares = {"2": 50, "3": 50}
    await _import(library, _record("story", labels={"trial": shares}))
    await _import(library, _record("story", labels={"trial": 3}), move_labels=True)
    assert (await library.prompts.get("story")).prompt.weights == {}
    assert (await _moves(library, "story"))[-1][:4] == ("trial", 3, 3, {})


async def test_a_copy_tells_where_its_labels_came_with(library):
    shares = {"1": 10, "2": 90}
    moves = [_move("production", None, 1, 1), _move("production", 1, 3, 2)]
    labels = {"production": 3, "trial": shares}
    await _import(library, _record("story", labels=labels, moves=moves))
    await as_("kim", library).prompts.copy("story", "tale", PromptInput(), with_history=True)
    assert sorted(await _moves(library, "tale")) == [
        ("production", None, 3, {}, "kim", "Copied with 'story'"),
        ("trial", None, 2, {1: 10, 2: 90}, "kim", "Copied with 'story'"),
    ]
    copied = (await library.prompts.get("tale")).prompt
    assert (copied.labels, copied.weights) == (
        {"production": 3, "trial": 2},
        {"trial": {1: 10, 2: 90}},
    )


@pytest.mark.parametrize("kind", ["imported", "copied"])
async def test_a_move_without_weights_that_comes_along_holds_none(library, database, kind):
    labels = {"production": 1, "trial": {"1": 10, "2": 90}}
    await _import(library, _record("story", labels=labels))
    if kind == "copied":
        await library.prompts.copy("story", "tale", PromptInput(), with_history=True)
    query = sa.text(
        "SELECT label FROM label_history JOIN prompts ON prompts.id = prompt_id "
        "WHERE weights IS NULL AND name = :name"
    )
    async with database.reading() as tx:
        name = "story" if kind == "imported" else "tale"
        assert (await tx.connection.scalars(query, {"name": name})).all() == ["production"]


async def test_many_prompts_come_in_with_their_labels(library):
    records = [
        _record(f"p{number}", labels={"production": 1 + number % 3}) for number in range(350)
    ]
    assert set(await _import(library, *records)) == {"created"}
    found = await library.prompts.list(PromptFilter(label="production", version=2), limit=200)
    assert {each.name for each in found.items} == {f"p{number}" for number in range(1, 350, 3)}
