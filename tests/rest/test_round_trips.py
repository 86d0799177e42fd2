"""What is read out is read in: `GET` and then `POST /import` change nothing and lose nothing."""

import pytest

JSON = {"content-type": "application/json"}
TEXT = {"type": "text", "text": "{{who}}: look"}
ARGUMENTS = [
    {"name": "who", "title": "Who", "description": "the person", "default": "you"},
    {"name": "times", "type": "integer", "required": True},
    {"name": "share", "type": "number", "required": False},
    {"name": "loud", "type": "boolean", "default": "true"},
    {"name": "tone", "type": "enum", "choices": ["warm", "dry"]},
    {"name": "more", "type": "json", "required": False},
    {"name": "code", "pattern": "[A-Z]+", "required": False},
]
PROMPTS = {
    "plain": {"template": "Just {{this}}"},
    "declared": {
        "title": "Declared",
        "description": "With everything",
        "folder": "a/b",
        "tags": ["one", "two words"],
        "template": "{{who}} {{times}} {{share}} {{loud}} {{tone}} {{more}} {{code}} \\{{no}}",
        "arguments": ARGUMENTS,
        "model_type": "gpt-4",
        "model_config": {"z": 1, "a": {"y": [], "b": None}, "temperature": 0.2},
        "commit_message": "To begin with",
    },
    "verbatim": {"template": "{{not}} a blank", "template_format": "text"},
    "computed": {"template": "{% if a %}{{ b }}{% endif %}", "template_format": "liquid"},
    "talk": {
        "messages": [
            {"role": "system", "content": "Be {{mood}}"},
            {"role": "user", "content": TEXT},
            {"role": "user", "content": {"type": "image", "data": "aW1n", "mime_type": "image/a"}},
            {"role": "user", "content": {"type": "audio", "data": "c28=", "mime_type": "audio/a"}},
            {"role": "user", "content": {"type": "resource", "uri": "file:///a", "text": "A"}},
            {"role": "user", "content": {"type": "resource", "uri": "file:///b", "blob": "Qg=="}},
            {
                "role": "assistant",
                "content": {
                    "type": "resource_link", "uri": "https://x/y", "name": "y", "title": "Y",
                    "description": "Why", "mime_type": "text/html",
                },
            },
        ],
        "variants": {
            "claude-*": [{"role": "user", "content": "Shorter {{mood}}"}],
            "gpt-4": [{"role": "system", "content": "S"}, {"role": "user", "content": TEXT}],
        },
    },
    "tone": {
        "template": "Be {{mood}} and {{length}}",
        "arguments": [
            {"name": "mood", "description": "the mood"},
            {"name": "length", "description": "how long", "required": False},
        ],
    },
    "including": {
        "template": "{{> tone}} {{mood}} {{mine}}",
        "arguments": [{"name": "mine", "required": False, "description": "my own"}],
    },
}  # fmt: skip


@pytest.fixture
async def library(client):
    """A library with every feature that a prompt can have; 'plain' is labelled."""
    for name, fields in PROMPTS.items():
        made = await client.post("/prompts", json={"name": name, **fields})
        assert made.status_code == 201, made.text
    await client.put("/prompts/plain/labels/production", json={"version": 1})
    await client.put("/prompts/talk/labels/staging", json={"version": 1})
    return client


async def state(client):
    found = {name: (await client.get(f"/prompts/{name}")).json() for name in PROMPTS}
    return found, (await client.get("/export?history=true")).json()


async def take(client, value, **query):
    done = await client.post("/import", json=value, params=query)
    assert done.status_code == 200, done.text
    return done.json()


@pytest.mark.parametrize("query", [{}, {"format": "json"}, {"format": "yaml"}])
@pytest.mark.parametrize("name", PROMPTS)
async def test_a_prompt_that_is_read_and_imported_is_unchanged(library, name, query):
    before = await state(library)
    answer = await take(library, before[0][name], **query)
    assert (answer["unchanged"], answer["items"]) == (1, [])
    assert await state(library) == before


async def test_what_is_read_of_a_whole_library_makes_it_again_elsewhere(library):
    before, _ = await state(library)
    again = [{**each, "name": f"new-{each['name']}"} for each in before.values()]
    for each in again:
        if "template" in each:
            each["template"] = each["content"] = each["template"].replace("> tone", "> new-tone")
    assert (await take(library, again))["created"] == len(PROMPTS)
    kept = (
        "title", "description", "folder", "tags", "labels", "arguments", "messages", "variants",
        "template_format", "model_type", "model_config", "commit_message", "created_by",
    )  # fmt: skip
    for name, old in before.items():
        new = (await library.get(f"/prompts/new-{name}")).json()
        expected = {key: old.get(key) for key in kept}
        expected["commit_message"] = old.get("commit_message") or "Import from body"
        found = {key: new.get(key) for key in kept}
        found["commit_message"] = found["commit_message"].partition("#")[0]
        assert found == expected, name


async def test_what_an_included_prompt_declares_by_now_changes_nothing_of_what_was_read(library):
    read = (await library.get("/prompts/including")).json()
    described = [{"name": "mood", "description": "another", "required": False}]
    await library.patch("/prompts/tone", json={"arguments": described})
    before = await state(library)
    assert (await take(library, read))["unchanged"] == 1
    assert await state(library) == before


async def test_an_edit_of_what_was_read_is_all_that_changes(library):
    read = (await library.get("/prompts/including")).json()
    text = "{{> tone}} {{mood}} and {{mine}}"
    assert (await take(library, {**read, "template": text, "content": text}))["new_versions"] == 1
    history = (await library.get("/export?history=true")).json()
    versions = next(each for each in history if each["name"] == "including")["versions"]
    told = [(each["name"], each.get("description")) for each in versions[1]["arguments"]]
    assert told == [("mood", None), ("mine", "my own")]
    assert versions[1]["template"] == text


async def test_labels_of_what_was_read_move_only_where_that_is_wanted(library):
    read = (await library.get("/prompts/plain@1")).json()
    await library.put("/prompts/plain", json={"template": "Another"})
    await library.put("/prompts/plain/labels/production", json={"version": 2})
    assert read["labels"] == {"production": 1}
    answer = await take(library, read)
    assert answer["items"][0]["remarks"] == [
        "Its text is version 1 of 'plain', and not the newest: nothing is changed. Restore "
        "'plain@1' to have it back."
    ]
    assert (await library.get("/prompts/plain/labels")).json()["labels"] == {"production": 2}
    assert (await take(library, read, move_labels="true"))["updated"] == 1
    assert (await library.get("/prompts/plain/labels")).json()["labels"] == {"production": 1}
    assert (await take(library, read, move_labels="true"))["unchanged"] == 1


async def test_labels_and_commit_messages_of_other_platforms_go_on_new_prompts(library):
    value = {"name": "lf", "prompt": "one", "labels": ["production"], "commitMessage": "why",
             "config": {}}  # fmt: skip
    assert (await take(library, value))["created"] == 1
    read = (await library.get("/prompts/lf")).json()
    assert (read["labels"], read["commit_message"]) == ({"production": 1}, "why")
    value |= {"prompt": "two", "commitMessage": "better"}
    assert (await take(library, value))["new_versions"] == 1
    assert (await library.get("/prompts/lf@latest")).json()["commit_message"] == "better"
    assert (await library.get("/prompts/lf")).json()["version"] == 1
    assert (await take(library, value, move_labels="true"))["updated"] == 1
    assert (await library.get("/prompts/lf")).json()["version"] == 2
    moves = (await library.get("/prompts/lf/label-history")).json()["items"]
    assert [each["reason"] for each in moves] == ["Import from body"] * 2


async def test_what_includes_what_isnt_there_is_refused_when_it_comes_back(library):
    read = (await library.get("/prompts/including")).json()
    text = "{{> nowhere}}"
    refused = await library.post("/import", json={**read, "template": text, "content": text})
    assert (refused.status_code, "no such prompt" in refused.json()["detail"]) == (422, True)
    refused = await library.post(
        "/import", json={**read, "name": "x", "template": text, "content": text}
    )
    assert (refused.status_code, "no such prompt" in refused.json()["detail"]) == (422, True)
