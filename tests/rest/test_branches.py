import pytest

REVIEW = {"name": "review", "template": "one\ntwo\nthree"}


@pytest.fixture
async def review(client):
    await client.post("/prompts", json=REVIEW)
    return client


async def _write(client, text, branch="main"):
    return await client.put("/prompts/review", json={"template": text, "branch": branch})


async def test_a_branch_that_began_says_where_it_is_read(review):
    began = await review.post("/prompts/review/branches", json={"branch": "terse"})
    assert began.status_code == 201
    assert began.headers["location"] == "/prompts/review@branch:terse"
    assert (await review.get(began.headers["location"])).json()["version"] == 1
    assert began.json() == {
        "name": "review",
        "branch": "terse",
        "head": 1,
        "branches": {"main": 1, "terse": 1},
    }


async def test_a_branch_begins_at_the_newest_of_main_unless_told_otherwise(review):
    await _write(review, "newer")
    await review.put("/prompts/review/labels/production", json={"version": 1})
    for branch, written, head in (
        ("a", {}, 2),
        ("b", {"version": 1}, 1),
        ("c", {"reference": "production"}, 1),
        ("d", {"reference": "branch:main"}, 2),
    ):
        began = await review.post("/prompts/review/branches", json={"branch": branch, **written})
        assert began.json()["head"] == head


async def test_a_branch_needs_one_place_to_begin_at(review):
    both = {"branch": "terse", "version": 1, "reference": "latest"}
    refused = await review.post("/prompts/review/branches", json=both)
    assert refused.status_code == 422
    assert "'version' or 'reference'" in refused.json()["detail"]


async def test_the_branches_are_listed_compared_with_main(review):
    await review.post("/prompts/review/branches", json={"branch": "terse"})
    await _write(review, "other", "terse")
    listed = (await review.get("/prompts/review/branches")).json()["items"]
    assert [(each["branch"], each["head"], each["ahead"], each["behind"]) for each in listed] == [
        ("main", 1, 0, 0),
        ("terse", 2, 1, 0),
    ]


async def test_a_merge_conflict_is_a_problem_that_carries_each_place(review):
    await review.post("/prompts/review/branches", json={"branch": "terse"})
    await _write(review, "one\n2\nthree", "terse")
    read = await _write(review, "one\nII\nthree")
    refused = await review.post(
        "/prompts/review/merge",
        json={"branch": "terse"},
        headers={"If-Match": read.headers["etag"]},
    )
    assert refused.status_code == 409
    problem = refused.json()
    assert problem["conflicts"] == [
        {"place": "template", "line": 2, "base": "two", "ours": "II", "theirs": "2"}
    ]
    assert "<<<<<<<" not in problem["detail"]
    merged = await review.post(
        "/prompts/review/merge",
        json={"branch": "terse", "resolution": {"template": "one\n2 (II)\nthree"}},
        headers={"If-Match": read.headers["etag"]},
    )
    assert merged.status_code == 200
    assert merged.json()["content"] == "one\n2 (II)\nthree"
    assert (await review.get("/prompts/review")).headers["etag"] == merged.headers["etag"]


async def test_a_merge_that_met_another_state_is_refused(review):
    await review.post("/prompts/review/branches", json={"branch": "terse"})
    before = (await review.get("/prompts/review")).headers["etag"]
    await _write(review, "other", "terse")
    refused = await review.post(
        "/prompts/review/merge", json={"branch": "terse"}, headers={"If-Match": before}
    )
    assert refused.status_code == 412


async def test_what_isnt_a_resolution_is_refused_by_its_field(review):
    await review.post("/prompts/review/branches", json={"branch": "terse"})
    for resolution, place in (
        ({"title": "x"}, "resolution.title"),
        ({"template": 3}, "resolution.template"),
        ([], "resolution"),
    ):
        refused = await review.post(
            "/prompts/review/merge", json={"branch": "terse", "resolution": resolution}
        )
        assert refused.status_code == 422
        assert place in refused.json()["fields"], refused.json()


async def test_a_deleted_branch_is_gone_and_its_versions_are_not(review):
    await review.post("/prompts/review/branches", json={"branch": "terse"})
    await _write(review, "other", "terse")
    deleted = await review.delete("/prompts/review/branches/terse")
    assert (deleted.status_code, deleted.json()["branches"]) == (200, {"main": 1})
    assert (await review.get("/prompts/review@branch:terse")).status_code == 404
    assert (await review.get("/prompts/review/versions/2")).json()["content"] == "other"
    assert (await review.delete("/prompts/review/branches/terse")).status_code == 404
