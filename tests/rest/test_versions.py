import pytest

from tests.rest.checking import follow, problem


@pytest.fixture
async def three(client, write):
    await write("review", template="one {{x}}", tags=["a"])
    await client.put("/prompts/review", json={"template": "two {{x}}", "commit_message": "Second"})
    await client.put("/prompts/review", json={"template": "three", "tags": ["b"]})


async def test_versions_are_listed_newest_first_without_their_texts(client, three):
    versions, pages = await follow(client, "/prompts/review/versions", params={"limit": 2})
    assert [each["version"] for each in versions] == [3, 2, 1]
    assert pages == 2
    assert versions[1]["commit_message"] == "Second"
    assert all("template" not in each for each in versions)
    branched, _ = await follow(client, "/prompts/review/versions", params={"branch": "main"})
    assert len(branched) == 3


async def test_the_history_holds_every_text(client, three):
    items, pages = await follow(client, "/prompts/review/history", params={"limit": 1})
    assert [each["content"] for each in items] == ["three", "two {{x}}", "one {{x}}"]
    assert pages == 3
    assert [each["version"] for each in items] == [3, 2, 1]
    assert [each["tags"] for each in items] == [["b"], ["a"], ["a"]]
    moments = [each["created_at"] for each in items]
    assert moments == sorted(set(moments), reverse=True)
    assert {each["created_by"] for each in items} == {"tester"}


async def test_a_version_is_read_by_its_number(client, three):
    read = (await client.get("/prompts/review/versions/2")).json()
    assert (read["version"], read["template"], read["tags"]) == (2, "two {{x}}", ["a"])
    assert (read["parent"], read["labels"]) == (1, [])
    for number in (4, 999_999_999):
        problem(await client.get(f"/prompts/review/versions/{number}"), 404, "versions 1 to 3")
    for number in ("0", "-1", "x", "1.0", "1e0", "1_0", "%201", "٣", "9" * 30):
        told = problem(await client.get(f"/prompts/review/versions/{number}"), 422)
        assert "version" in told["fields"]


async def test_a_name_with_a_version_is_no_prompt_where_the_whole_one_is_meant(client, three):
    for path in ("/versions", "/history", "/labels", "/versions/1"):
        problem(await client.get(f"/prompts/review@1{path}"), 422, "use 'review'")
    problem(await client.put("/prompts/review@1", json={"template": "x"}), 422, "use 'review'")


async def test_versions_are_compared(client, three):
    answer = (await client.get("/prompts/review/diff", params={"old": "1", "new": "3"})).json()
    assert (answer["old"], answer["new"], answer["identical"]) == (1, 3, False)
    assert "-one {{x}}" in answer["text"]
    assert [each["kind"] for each in answer["arguments"]] == ["removed"]
    newest = (await client.get("/prompts/review/diff", params={"old": "3"})).json()
    assert newest["identical"] is True
    problem(await client.get("/prompts/review/diff", params={"old": "9"}), 404, "version 9")
    problem(await client.get("/prompts/review/diff"), 422, "'old' is missing")


async def test_an_old_version_comes_back_as_a_new_one(client, three):
    restored = await client.post(
        "/prompts/review/versions/1/restore",
        json={"commit_message": "Back", "expected_version": 3},
    )
    told = restored.json()
    assert (told["version"], told["template"], told["commit_message"]) == (4, "one {{x}}", "Back")
    assert restored.headers["etag"] == (await client.get("/prompts/review")).headers["etag"]
    without_body = (await client.post("/prompts/review/versions/2/restore")).json()
    assert (without_body["version"], without_body["commit_message"]) == (5, "Restore version 2")
    stale = {"expected_version": 3}
    refused = await client.post("/prompts/review/versions/1/restore", json=stale)
    assert problem(refused, 409, "at version 5")["current_version"] == 5
    problem(await client.post("/prompts/review/versions/9/restore"), 404, "version 9")


async def test_labels_are_set_moved_listed_and_taken_away(client, three):
    place = "/prompts/review/labels"
    first = (await client.put(f"{place}/production", json={"version": 1})).json()
    assert (first["to_version"], first["served_version"]) == (1, 1)
    assert "from_version" not in first
    moved = (await client.put(f"{place}/production", json={"reference": "latest"})).json()
    assert (moved["from_version"], moved["to_version"]) == (1, 3)
    await client.put(f"{place}/staging", json={"reference": "production"})
    assert (await client.get(place)).json() == {"labels": {"production": 3, "staging": 3}}
    removed = (await client.delete(f"{place}/production")).json()
    assert (removed["labels"], removed["from_version"]) == ({"staging": 3}, 3)
    problem(await client.delete(f"{place}/production"), 404, "no label 'production'")


@pytest.mark.parametrize(
    ("label", "body", "status", "words"),
    [
        ("production", {}, 422, "Give 'version' or 'reference'"),
        ("production", {"version": 1, "reference": "latest"}, 422, "Give 'version' or 'reference'"),
        ("production", {"version": 4}, 404, "version 4"),
        ("production", {"reference": "nope"}, 404, "'nope'"),
        ("production", {"reference": "branch:nope"}, 404, "'nope'"),
        ("production", {"version": True}, 422, "valid integer"),
        ("production", {"version": "1"}, 422, "valid integer"),
        ("latest", {"version": 1}, 422, "'latest'"),
        ("7", {"version": 1}, 422, "'7'"),
        ("Production", {"version": 1}, 422, "Use 'production'"),
    ],
)
async def test_a_label_that_cant_be_set_says_why(client, three, label, body, status, words):
    refused = await client.put(f"/prompts/review/labels/{label}", json=body)
    problem(refused, status, words)
