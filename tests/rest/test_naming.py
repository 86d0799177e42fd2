"""What a text is called that arrives over HTTP and doesn't say its own name."""

import json

import pytest

CHAT = json.dumps([{"role": "user", "content": "Hi"}])
UNNAMED = {
    "claude-command": "Explain $ARGUMENTS",
    "vscode": "Make ${input:it}",
    "markdown": "Just a text",
    "skill": "Just a text",
    "openai": CHAT,
    "langfuse": '{"prompt": "x"}',
    "mlflow": '{"template": "x"}',
    "rows": '{"prompt": "x"}',
}


@pytest.mark.parametrize("format_name", UNNAMED)
async def test_a_text_that_no_name_can_be_made_for_is_refused(client, format_name):
    body = UNNAMED[format_name]
    refused = await client.post("/import", params={"format": format_name}, content=body)
    assert refused.status_code == 422
    assert "body: this text says no name. Send it with ?name=" in refused.json()["detail"]
    assert (await client.get("/prompts")).json()["items"] == []


@pytest.mark.parametrize("format_name", UNNAMED)
@pytest.mark.parametrize(
    ("query", "disposition"),
    [
        ({"name": "my-plan"}, None),
        ({"name": "my-plan"}, 'attachment; filename="other.md"'),
        ({}, 'attachment; filename="my-plan.md"'),
        ({}, "inline; FileName=my-plan.md"),
        ({}, 'attachment; filename="C:\\\\x\\\\my-plan.md"'),
        ({}, "attachment; filename=x.md; filename*=UTF-8''..%2Fmy%20plan.md"),
    ],
)
async def test_a_name_is_that_of_the_query_or_of_the_file(client, format_name, query, disposition):
    headers = {"content-disposition": disposition} if disposition else {}
    done = await client.post(
        "/import", params={"format": format_name, **query}, content=UNNAMED[format_name],
        headers=headers,
    )  # fmt: skip
    assert (done.status_code, done.json()["created"]) == (200, 1), done.text
    assert [each["name"] for each in (await client.get("/prompts")).json()["items"]] == ["my-plan"]


@pytest.mark.parametrize(
    "disposition",
    [
        "attachment",
        "attachment; filename=",
        "attachment; filename*=bogus''x.md",
        "attachment; filename*=UTF-8''%ff",
        "attachment; filename*=UTF-8''%00",
        'attachment; name="x.md"',
    ],
)
async def test_a_header_without_a_file_name_gives_none(client, disposition):
    refused = await client.post(
        "/import?format=markdown", content="x", headers={"content-disposition": disposition}
    )
    assert (refused.status_code, "says no name" in refused.json()["detail"]) == (422, True)


async def test_a_text_keeps_the_name_that_it_says_itself(client):
    body = "---\nname: own\ndescription: d\n---\nx"
    done = await client.post("/import?format=markdown&name=other", content=body)
    assert done.json()["created"] == 1
    assert (await client.get("/prompts/own")).status_code == 200


async def test_a_name_in_the_query_has_to_be_one(client):
    refused = await client.post("/import?format=markdown&name=My%20plan", content="x")
    assert (refused.status_code, "Use 'my-plan'" in refused.json()["detail"]) == (422, True)


async def test_a_format_in_the_query_is_not_guessed_at(client):
    body = '{"name": "a", "prompt": "x"}'
    refused = await client.post("/import?format=json", content=body)
    assert refused.status_code == 422
    assert "It looks like Langfuse: say so with the format 'langfuse'" in refused.json()["detail"]
    headers = {"content-type": "application/json"}
    assert (await client.post("/import", content=body, headers=headers)).json()["created"] == 1
