import asyncio

import pytest

from mcp_server.rest.conditions import expected_states, is_known
from storage.values.errors import Invalid
from tests.rest.checking import problem


@pytest.mark.parametrize(
    "path", ["/prompts/review", "/prompts/review@1", "/prompts/review/versions/1"]
)
async def test_what_a_client_knows_already_isnt_sent_again(client, write, path):
    await write("review")
    first = await client.get(path)
    etag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    for known in (etag, f"W/{etag}", f'"other", {etag}', f'"other",{etag},', "*"):
        again = await client.get(path, headers={"if-none-match": known})
        if known.endswith(","):
            problem(again, 422, "no ETag")
            continue
        assert (again.status_code, again.content) == (304, b""), known
        assert again.headers["etag"] == etag
    assert (await client.get(path, headers={"if-none-match": '"other"'})).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        ("PUT", "", {"template": "other"}),
        ("PATCH", "", {"title": "Other"}),
        ("PATCH", "", {"tags": ["other"]}),
        ("PUT", "/labels/production", {"version": 1}),
        ("PUT", "/labels/staging", {"version": 1}),
    ],
    ids=str,
)
async def test_the_etag_changes_with_everything_that_is_shown(client, write, change):
    await write("review")
    before = (await client.get("/prompts/review")).headers["etag"]
    method, path, body = change
    assert (await client.request(method, f"/prompts/review{path}", json=body)).status_code == 200
    after = await client.get("/prompts/review", headers={"if-none-match": before})
    assert after.status_code == 200
    assert after.headers["etag"] != before


async def test_a_write_tells_the_etag_from_which_the_next_write_goes_on(client, write):
    await write("review")
    await client.put("/prompts/review/labels/production", json={"version": 1})
    put = await client.put("/prompts/review", json={"template": "two"})
    assert put.json()["version"] == 2
    read = await client.get("/prompts/review@latest")
    assert (read.json()["version"], read.headers["etag"]) == (2, put.headers["etag"])
    again = await client.put(
        "/prompts/review", json={"template": "three"}, headers={"if-match": put.headers["etag"]}
    )
    assert again.json()["version"] == 3


async def test_what_is_served_but_not_the_newest_is_nothing_to_go_on_from(client, write):
    await write("review")
    await client.put("/prompts/review", json={"template": "two"})
    await client.put("/prompts/review/labels/production", json={"version": 1})
    served = (await client.get("/prompts/review")).headers["etag"]
    refused = await client.put(
        "/prompts/review", json={"template": "lost"}, headers={"if-match": served}
    )
    assert problem(refused, 412, "'review@latest'")["current_version"] == 2


async def test_a_label_is_moved_only_from_where_it_was_seen(client, write):
    await write("review")
    seen = (await client.get("/prompts/review")).headers["etag"]
    await client.put("/prompts/review", json={"template": "two"})
    label = "/prompts/review/labels/production"
    problem(await client.put(label, json={"version": 1}, headers={"if-match": seen}), 412)
    now = (await client.get("/prompts/review")).headers["etag"]
    moved = await client.put(label, json={"version": 1}, headers={"if-match": now})
    assert moved.status_code == 200
    problem(await client.delete(label, headers={"if-match": now}), 412)


async def test_a_write_that_expects_another_state_is_refused(client, write):
    await write("review")
    old = (await client.get("/prompts/review")).headers["etag"]
    written = await client.put(
        "/prompts/review", json={"template": "two"}, headers={"if-match": old}
    )
    assert written.status_code == 200
    for method, body in (("PUT", {"template": "x"}), ("PATCH", {"title": "x"}), ("DELETE", None)):
        for told in (old, f"W/{written.headers['etag']}"):
            refused = await client.request(
                method, "/prompts/review", json=body, headers={"if-match": told}
            )
            assert problem(refused, 412, "has changed")["current_version"] == 2
    now = written.headers["etag"]
    for told in (now, "*", f"{old}, {now}"):
        kept = await client.patch("/prompts/review", json={}, headers={"if-match": told})
        assert kept.status_code == 200
    gone = await client.delete("/prompts/review", headers={"if-match": now})
    assert gone.status_code == 204


async def test_an_expected_version_that_isnt_there_is_a_conflict_and_no_failed_condition(
    client, write
):
    await write("review")
    for headers in ({}, {"if-match": "*"}):
        refused = await client.put(
            "/prompts/review", json={"template": "x", "expected_version": 7}, headers=headers
        )
        assert problem(refused, 409, "at version 1")["current_version"] == 1


async def test_of_writers_at_once_with_one_condition_exactly_one_wins(client, write):
    await write("busy")
    etag = (await client.get("/prompts/busy")).headers["etag"]
    answers = await asyncio.gather(
        *(
            client.put("/prompts/busy", json={"template": f"{n}"}, headers={"if-match": etag})
            for n in range(16)
        )
    )
    assert sorted(each.status_code for each in answers) == [200] + [412] * 15
    winner = next(each for each in answers if each.status_code == 200)
    read = (await client.get("/prompts/busy")).json()
    assert (read["version"], read["template"]) == (2, winner.json()["template"])


@pytest.mark.parametrize("told", ["abc", "", '"open', 'abc"', '"a" "b"', ",", "W/abc", '"a b"'])
async def test_what_is_no_etag_is_refused(client, write, told):
    await write("review")
    for method, header in (("GET", "If-None-Match"), ("PUT", "If-Match"), ("DELETE", "If-Match")):
        body = {"template": "x"} if method == "PUT" else None
        refused = await client.request(method, "/prompts/review", json=body, headers={header: told})
        assert header in problem(refused, 422, "no ETag")["fields"]


def test_tags_are_compared_by_what_stands_in_the_quotes():
    assert is_known('"a", W/"b"', "b")
    assert not is_known('"a"', "b")
    assert not is_known(None, "b")
    assert is_known(" * ", "b")
    assert expected_states('"a", W/"b", "c"') == {"a", "c"}
    assert expected_states("*") is expected_states(None) is None
    with pytest.raises(Invalid):
        expected_states("a")
