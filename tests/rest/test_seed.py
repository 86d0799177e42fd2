"""The REST service that this product grew from, as its users know it."""

from tests.rest.checking import follow, problem


async def test_what_a_user_of_the_first_service_does_works(client):
    made = await client.post(
        "/prompts",
        json={
            "content": "Summarize the following text: {{text}}",
            "tags": ["summarization", "nlp"],
            "model_type": "gpt-4",
        },
    )
    assert made.status_code == 201
    prompt = made.json()
    place = f"/prompts/{prompt['id']}"
    assert (prompt["version"], prompt["model_type"]) == (1, "gpt-4")

    for version, content in ((2, "Summarize in one line: {{text}}"), (3, "In a word: {{text}}")):
        put = await client.put(
            place, json={"content": content, "tags": ["summarization"], "model_type": "gpt-4"}
        )
        assert (put.status_code, put.json()["version"]) == (200, version)
        assert put.json()["content"] == content
    assert (await client.get(place)).json()["content"] == "In a word: {{text}}"

    history, _ = await follow(client, f"{place}/history")
    assert [(each["version"], each["content"], each["tags"]) for each in history] == [
        (3, "In a word: {{text}}", ["summarization"]),
        (2, "Summarize in one line: {{text}}", ["summarization"]),
        (1, "Summarize the following text: {{text}}", ["summarization", "nlp"]),
    ]

    assert (await client.delete(place)).status_code == 204
    problem(await client.get(place), 404)
    assert (await client.get("/prompts")).json()["items"] == []


async def test_prompts_are_filtered_by_model_tags_and_version(client):
    for name, tags, model, versions in (
        ("one", ["summarization"], "gpt-4", 3),
        ("two", ["summarization", "short"], "gpt-4", 1),
        ("three", ["summarization"], "claude-1", 3),
        ("four", ["translation"], "gpt-4", 3),
    ):
        await client.post(
            "/prompts", json={"name": name, "content": "1", "tags": tags, "model_type": model}
        )
        for number in range(2, versions + 1):
            await client.put(f"/prompts/{name}", json={"content": str(number)})
    for query, names in (
        ("model_type=gpt-4", ["four", "one", "two"]),
        ("tag=summarization", ["one", "three", "two"]),
        ("tags=summarization", ["one", "three", "two"]),
        ("tags=summarization,short", ["two"]),
        ("tag=summarization&tag=short", ["two"]),
        ("version=1", ["two"]),
        ("version=3", ["four", "one", "three"]),
        ("min_version=2&model_type=gpt-4&tags=summarization", ["one"]),
        ("min_version=3&q=3", ["four", "one", "three"]),
    ):
        listed = (await client.get(f"/prompts?{query}")).json()["items"]
        assert sorted(each["name"] for each in listed) == names, query
