import asyncio

import pytest

from tests.rest.checking import follow, next_page, problem


async def test_a_created_prompt_is_where_location_says(client):
    made = await client.post("/prompts", json={"name": "review", "template": "Hi {{who}}"})
    assert made.status_code == 201
    assert made.headers["location"] == "/prompts/review"
    assert made.json()["version"] == 1
    assert made.json()["new_version"] is True
    read = await client.get(made.headers["location"])
    assert read.headers["etag"] == made.headers["etag"]
    assert read.json()["template"] == read.json()["content"] == "Hi {{who}}"
    assert [each["name"] for each in read.json()["arguments"]] == ["who"]


async def test_everything_that_is_written_is_read_back(client, write):
    fields = {
        "title": "Code review",
        "description": "Reviews code",
        "folder": "team/code",
        "tags": ["review", "python"],
        "template": "Review this {{language}} code",
        "template_format": "simple",
        "arguments": [{"name": "language", "required": False, "default": "C", "type": "string"}],
        "model_type": "gpt-4",
        "model_config": {"temperature": 0.2, "stop": ["\n", None]},
        "variants": {
            "claude-*": [{"role": "system", "content": {"type": "text", "text": "Be brief."}}]
        },
        "commit_message": "First",
    }
    await write("review", **fields)
    read = (await client.get("/prompts/review")).json()
    assert {name: read[name] for name in fields} == fields
    assert read["created_by"] == "tester"


async def test_a_prompt_without_a_name_gets_one_of_its_title_or_its_text(client):
    first = await client.post("/prompts", json={"title": "Über uns", "template": "x"})
    assert first.headers["location"] == "/prompts/uber-uns"
    second = await client.post("/prompts", json={"content": "You are a poet.\nWrite."})
    assert second.json()["name"] == "you-are-a-poet"
    third = await client.post("/prompts", json={"content": "You are a poet.\nSing."})
    assert third.json()["name"].startswith("you-are-a-poet-")


async def test_a_taken_name_is_a_conflict_whatever_conditions_are_told(client, write):
    await write("review")
    for headers in ({}, {"if-match": '"x"'}):
        again = await client.post(
            "/prompts", json={"name": "review", "template": "x"}, headers=headers
        )
        problem(again, 409, "'review' already exists")


async def test_an_id_stands_for_the_name_in_every_path(client, write):
    made = await write("review", template="Hi")
    place = f"/prompts/{made['id']}"
    assert (await client.get(place)).json()["name"] == "review"
    assert (await client.get(f"{place}@1")).json()["version"] == 1
    assert (await client.put(place, json={"template": "Ho"})).json()["version"] == 2
    assert (await client.patch(place, json={"title": "T"})).json()["title"] == "T"
    label = {"version": 1}
    assert (await client.put(f"{place}/labels/production", json=label)).status_code == 200
    assert (await client.get(f"{place}/labels")).json() == {"labels": {"production": 1}}
    for rest in ("/versions", "/versions/1", "/history", "/diff?old=1"):
        assert (await client.get(place + rest)).status_code == 200, rest
    assert (await client.post(f"{place}/render")).json()["name"] == "review"
    assert (await client.post(f"{place}/versions/1/restore")).json()["version"] == 3
    assert (await client.delete(f"{place}/labels/production")).status_code == 200
    assert (await client.delete(place)).status_code == 204
    assert (await client.post(f"{place}/restore")).json()["archived"] is False


@pytest.mark.parametrize(
    ("reference", "version"),
    [
        ("review", 2),
        ("review@1", 1),
        ("review@production", 2),
        ("review@latest", 3),
        ("review@branch:main", 3),
    ],
)
async def test_a_reference_says_which_version_is_read(client, write, reference, version):
    await write("review", template="1")
    for text in ("2", "3"):
        await client.put("/prompts/review", json={"template": text})
    await client.put("/prompts/review/labels/production", json={"version": 2})
    read = (await client.get(f"/prompts/{reference}")).json()
    assert (read["version"], read["template"]) == (version, str(version))


async def test_a_put_writes_a_version_and_keeps_the_old_ones(client, write):
    await write("review", template="one", tags=["a"], title="T")
    put = await client.put("/prompts/review", json={"content": "two"})
    assert (put.status_code, put.json()["version"]) == (200, 2)
    assert (put.json()["tags"], put.json()["title"]) == (["a"], "T")
    again = (await client.put("/prompts/review", json={"template": "two"})).json()
    assert (again["version"], again["new_version"], again["changed"]) == (2, False, False)
    assert (await client.get("/prompts/review/versions/1")).json()["content"] == "one"


async def test_a_put_without_a_text_says_to_use_patch(client, write):
    await write("review")
    told = problem(await client.put("/prompts/review", json={"title": "T"}), 422, "use PATCH")
    assert told["fields"] == {"template": "is missing"}


async def test_a_change_may_repeat_the_name_but_not_change_it(client, write):
    written = await write("review", template="one")
    for path in ("review", written["id"]):
        for method in (client.put, client.patch):
            same = await method(f"/prompts/{path}", json={"name": "review", "template": "two"})
            assert same.status_code == 200
            other = {"name": "preview", "template": "three"}
            told = problem(await method(f"/prompts/{path}", json=other), 422, "'preview'")
            assert told["fields"] == {"name": "can't be changed"}
    assert (await client.get("/prompts/review")).json()["template"] == "two"


async def test_a_patch_changes_what_it_names(client, write):
    await write("review", template="one", title="T")
    patched = (await client.patch("/prompts/review", json={"tags": ["b"]})).json()
    assert (patched["version"], patched["tags"], patched["title"]) == (1, ["b"], "T")
    patched = (await client.patch("/prompts/review", json={"model_type": "gpt-4"})).json()
    assert (patched["version"], patched["template"]) == (2, "one")
    assert "title" not in (await client.patch("/prompts/review", json={"title": ""})).json()


async def test_texts_under_both_names_have_to_be_one_text(client, write):
    await write("review")
    both = {"template": "x", "content": "x"}
    assert (await client.put("/prompts/review", json=both)).status_code == 200
    told = problem(await client.put("/prompts/review", json=both | {"content": "y"}), 422)
    assert "content" in told["fields"]


async def test_an_archived_prompt_is_gone_until_it_is_restored(client, write):
    await write("review")
    assert (await client.delete("/prompts/review")).status_code == 204
    assert (await client.delete("/prompts/review")).status_code == 204
    problem(await client.get("/prompts/review"), 404, "archived")
    problem(await client.put("/prompts/review", json={"template": "x"}), 404, "archived")
    problem(await client.post("/prompts", json={"name": "review", "template": "x"}), 409)
    assert (await client.get("/prompts")).json() == {"items": []}
    archived = (await client.get("/prompts", params={"archived": "true"})).json()["items"]
    assert [each["name"] for each in archived] == ["review"]
    restored = (await client.post("/prompts/review/restore")).json()
    assert restored == {"name": "review", "archived": False}
    assert (await client.get("/prompts/review")).status_code == 200


async def test_rendering_fills_the_blanks_and_names_every_fault(client, write):
    await write("review", template="{{greeting}}, {{name}}!")
    values = {"arguments": {"greeting": "Hi", "name": "Ada"}}
    rendered = (await client.post("/prompts/review/render", json=values)).json()
    assert rendered["messages"] == [
        {"role": "user", "content": {"type": "text", "text": "Hi, Ada!"}}
    ]
    for body in ({"json": {"arguments": {"nme": "x"}}}, {}):
        told = problem(await client.post("/prompts/review/render", **body), 422)
        assert {"greeting", "name"} <= told["fields"].keys()


async def test_a_missing_prompt_is_told_with_the_nearest_names(client, write):
    await write("review")
    for method, path in (
        ("GET", ""), ("PUT", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/restore"),
        ("POST", "/render"), ("GET", "/versions"), ("GET", "/versions/1"), ("GET", "/history"),
        ("POST", "/versions/1/restore"), ("GET", "/diff?old=1"), ("GET", "/labels"),
        ("PUT", "/labels/x"), ("DELETE", "/labels/x"),
    ):  # fmt: skip
        body = {"PUT": {"template": "x"}, "PATCH": {"title": "x"}}.get(method)
        body = {"version": 1} if path == "/labels/x" and method == "PUT" else body
        answer = await client.request(method, f"/prompts/reviw{path}", json=body)
        assert problem(answer, 404, "Did you mean 'review'?")["nearest"] == ["review"]


@pytest.mark.parametrize("path", ["/prompts", "/prompts/review", "/docs", "/openapi.json"])
async def test_head_answers_as_get_does_without_the_body(client, write, path):
    await write("review")
    got, head = await client.get(path), await client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    telling = ("content-type", "content-length", "etag", "cache-control")
    assert [head.headers.get(name) for name in telling] == [
        got.headers.get(name) for name in telling
    ]


async def test_head_of_nothing_is_a_404_and_of_what_can_only_be_posted_a_405(client, write):
    await write("review")
    assert (await client.head("/prompts/nothing")).status_code == 404
    refused = await client.head("/prompts/review/render")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/prompts", "GET, HEAD, POST"),
        ("POST", "/prompts/review", "DELETE, GET, HEAD, PATCH, PUT"),
        ("GET", "/prompts/review/render", "POST"),
        ("POST", "/prompts/review/labels/x", "DELETE, PUT"),
        ("OPTIONS", "/prompts/review/versions", "GET, HEAD"),
    ],
)
async def test_a_method_that_a_path_has_not_is_told_all_that_it_has(client, method, path, allowed):
    refused = await client.request(method, path)
    problem(refused, 405, allowed)
    assert refused.headers["allow"] == allowed


async def test_a_path_that_leads_nowhere_says_so(client):
    told = problem(await client.get("/prompt"), 404, "/docs")
    assert told["instance"] == "/prompt"


@pytest.fixture
async def many(write):
    for number in range(12):
        await write(
            f"prompt-{number:02}",
            template=f"About topic {number}",
            tags=["even" if number % 2 == 0 else "odd", "all"],
            folder="deep/er" if number < 6 else "",
            model_type="gpt-4" if number % 3 == 0 else "claude-1",
        )


async def test_pages_are_followed_to_the_end_with_their_filters(client, many):
    items, pages = await follow(client, "/prompts", params={"limit": 5})
    assert [each["name"] for each in items] == [f"prompt-{number:02}" for number in range(12)]
    assert pages == 3
    query = {"limit": 2, "tag": ["all", "even"], "model_type": "gpt-4", "min_version": 1}
    items, pages = await follow(client, "/prompts", params=query)
    assert [each["name"] for each in items] == ["prompt-00", "prompt-06"]
    assert pages == 1
    items, pages = await follow(client, "/prompts", params={"folder": "deep", "limit": 4})
    assert [each["name"] for each in items] == [f"prompt-{number:02}" for number in range(6)]
    assert pages == 2
    items, pages = await follow(client, "/prompts", params={"q": "topic & about", "limit": 5})
    assert (len({each["name"] for each in items}), pages) == (12, 3)


async def test_the_link_and_the_cursor_lead_to_the_same_page(client, many):
    first = await client.get("/prompts", params={"limit": 5, "tag": "even"})
    linked = await client.get(next_page(first))
    given = {"limit": 5, "tag": "even", "cursor": first.json()["next_cursor"]}
    assert linked.json() == (await client.get("/prompts", params=given)).json()
    assert "next_cursor" not in linked.json()
    assert next_page(linked) is None


async def test_a_cursor_of_another_list_is_refused(client, many):
    cursor = (await client.get("/prompts", params={"limit": 5})).json()["next_cursor"]
    for params in ({"cursor": cursor, "tag": "even"}, {"cursor": cursor[:-2]}, {"cursor": "x"}):
        told = problem(await client.get("/prompts", params=params), 422, "cursor")
        assert "cursor" in told["fields"]
    problem(await client.get("/prompts/prompt-01/versions", params={"cursor": cursor}), 422)
    problem(await client.get("/prompts/prompt-01/history", params={"cursor": cursor}), 422)


async def test_only_a_search_tells_scores(client, write):
    await write("poem", template="Write a poem")
    listed = (await client.get("/prompts")).json()["items"][0]
    assert {"score", "snippet"}.isdisjoint(listed)
    found = (await client.get("/prompts", params={"q": "poem"})).json()["items"][0]
    assert found["score"] > 0
    assert "poem" in found["snippet"]


async def test_writers_at_once_leave_versions_without_a_gap(client, write):
    await write("busy", template="0")
    answers = await asyncio.gather(
        *(client.put("/prompts/busy", json={"template": f"text {n}"}) for n in range(1, 33))
    )
    assert sorted(each.json()["version"] for each in answers) == list(range(2, 34))
    versions, _ = await follow(client, "/prompts/busy/versions", params={"limit": 100})
    assert [each["version"] for each in versions] == list(range(33, 0, -1))
