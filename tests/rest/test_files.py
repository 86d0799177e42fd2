"""`/import` and `/export`: the library as a file, over HTTP."""

import asyncio
import json
import threading

import pytest

from mcp_server.rest import files
from tests.support.processes import SECONDS

CSV = {"content-type": "text/csv"}
JSONL = {"content-type": "application/jsonl"}


async def test_what_is_exported_imports_again_with_no_change(client):
    for name in ("a", "b"):
        await client.post("/prompts", json={"name": name, "template": f"{name} {{{{x}}}}"})
    await client.put("/prompts/a/labels/production", json={"version": 1})
    exported = await client.get("/export", params={"history": "true"})
    assert exported.headers["content-type"] == "application/json"
    assert exported.headers["content-disposition"] == 'attachment; filename="prompts.json"'
    assert [each["name"] for each in exported.json()] == ["a", "b"]
    done = await client.post(
        "/import", content=exported.content, headers={"content-type": "application/json"}
    )
    assert (done.status_code, done.json()["unchanged"], done.json()["items"]) == (200, 2, [])


@pytest.mark.parametrize("format_name", ["json", "jsonl", "yaml", "csv", "langfuse", "mlflow"])
async def test_each_format_comes_back(client, format_name):
    await client.post("/prompts", json={"name": "poet", "template": "Rhyme: {{words}}"})
    exported = await client.get("/export", params={"format": format_name})
    assert exported.status_code == 200
    done = await client.post("/import", params={"format": format_name}, content=exported.content)
    assert (done.status_code, done.json()["unchanged"]) == (200, 1), done.text


async def test_an_empty_library_is_an_empty_file(client):
    assert (await client.get("/export")).json() == []


async def test_a_row_that_cant_be_taken_keeps_the_whole_file_out(client):
    body = "act,prompt\nPoet,Rhyme\n,Blank\n"
    refused = await client.post("/import", content=body, headers=CSV)
    assert refused.status_code == 422
    assert refused.json()["detail"].startswith("Nothing was written. body:3: 'act' is blank")
    assert (await client.get("/prompts")).json()["items"] == []
    done = await client.post("/import?continue=true", content=body, headers=CSV)
    answer = done.json()
    assert (answer["written"], answer["created"], answer["failed"]) == (True, 1, 1)
    assert [each["source"] for each in answer["items"]] == ["body:3"]


async def test_what_breaks_those_who_include_it_goes_in_only_by_force(client):
    await client.post("/prompts", json={"name": "base", "template": "Base"})
    await client.post("/prompts", json={"name": "user", "template": "{{> base}}"})
    two = [{"role": "user", "content": text} for text in "12"]
    body = json.dumps({"name": "base", "template_format": "simple", "messages": two})
    refused = await client.post("/import", content=body, headers=JSONL)
    assert refused.status_code == 409
    assert "'base' is included by 'user', which couldn't be used" in refused.json()["detail"]
    done = await client.post("/import?force=true", content=body, headers=JSONL)
    assert (done.status_code, done.json()["new_versions"]) == (200, 1)
    (remark,) = done.json()["items"][0]["remarks"]
    assert remark.startswith("'base' is included by 'user', which can't be used any more.")


async def test_a_dry_run_writes_nothing(client):
    body = '{"name": "a", "template": "x"}'
    done = await client.post("/import?dry_run=true", content=body, headers=JSONL)
    assert done.json()["items"] == [{"source": "body", "name": "a", "kind": "created"}]
    assert done.json()["written"] is False
    assert (await client.get("/prompts")).json()["items"] == []


async def test_histories_that_parted_are_a_conflict(client):
    await client.post("/prompts", json={"name": "a", "template": "mine"})
    record = json.loads((await client.get("/export?history=true")).text)[0]
    record["versions"][0]["template"] = "theirs"
    done = await client.post("/import", content=json.dumps(record), headers=JSONL)
    assert done.status_code == 409
    assert "Version 1 of 'a' is another one here" in done.json()["detail"]


@pytest.mark.parametrize(
    ("query", "headers", "body", "status", "sentence"),
    [
        ("", {"content-type": "image/png"}, b"x", 415, "Content-Type is 'image/png'"),
        ("?format=yml", {}, b"x", 422, "Did you mean 'yaml'"),
        ("", JSONL, b"\xff\xfe", 422, "isn't UTF-8"),
        ("", JSONL, b'{"name": "a\0"}', 422, "NUL byte"),
        ("", JSONL, b"[" * 100_000, 422, "nested too deeply"),
        ("?contine=true", JSONL, b"", 422, "contine"),
    ],
)
async def test_what_is_no_file_is_refused(client, query, headers, body, status, sentence):
    refused = await client.post(f"/import{query}", content=body, headers=headers)
    assert (refused.status_code, sentence in refused.json()["detail"]) == (status, True), (
        refused.text
    )


async def test_a_format_for_folders_cant_be_exported_here(client):
    refused = await client.get("/export?format=skill")
    assert refused.status_code == 422
    assert "each prompt has a file of its own" in refused.json()["detail"]
    refused = await client.get("/export?format=csv&history=true")
    assert "no place for a history" in refused.json()["detail"]


async def test_a_file_that_stops_arriving_is_given_up(client, monkeypatch):
    monkeypatch.setattr("mcp_server.rest.files._PATIENCE", 0.05)
    url = client.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(
        b"POST /import HTTP/1.1\r\nhost: " + url.netloc + b"\r\ncontent-length: 100\r\n"
        b"content-type: application/jsonl\r\n\r\n{"
    )
    answer = await asyncio.wait_for(reader.read(), SECONDS)
    writer.close()
    await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"Nothing more of the file arrived" in answer


async def test_how_a_text_is_meant_can_be_said_where_its_file_doesnt(client):
    markdown = {"content-type": "text/markdown"}
    text = "---\nname: haiku\n---\nOn {{topic}}"
    verbatim = await client.post("/import?dry_run=true", content=text, headers=markdown)
    assert verbatim.json()["items"][0]["remarks"][0].startswith("Its blanks in double braces are")
    meant = "/import?template_format=simple"
    assert (await client.post(meant, content=text, headers=markdown)).json()["created"] == 1
    prompt = (await client.get("/prompts/haiku")).json()
    assert [each["name"] for each in prompt["arguments"]] == ["topic"]
    wrong = await client.post("/import?template_format=jinja", content=text, headers=markdown)
    assert wrong.status_code == 422


async def test_what_of_a_file_isnt_kept_is_told_of_each_prompt(client):
    body = '{"name": "a", "prompt": "x", "rank": 2}\n{"name": "b", "prompt": "x"}'
    for query, kinds in (("?dry_run=true", ["created", "created"]), ("", ["created"])):
        done = await client.post(f"/import{query}", content=body, headers=JSONL)
        items = done.json()["items"]
        assert [each["kind"] for each in items] == kinds
        assert items[0]["remarks"] == ["What the file says as 'rank' isn't kept."]
        assert (done.json()["remarked"], "remarks" in items[-1]) == (1, len(items) == 1)


async def test_remarks_take_no_place_from_what_cant_be_taken(client):
    good = [{"name": f"a{number}", "prompt": "x", "rank": 2} for number in range(1_001)]
    body = json.dumps([*good, {"name": "b", "prompt": ""}])
    refused = await client.post("/import", content=body, headers=JSONL)
    assert (refused.status_code, "'template' is empty" in refused.json()["detail"]) == (422, True)
    done = await client.post("/import?continue=true", content=body, headers=JSONL)
    answer = done.json()
    assert (answer["created"], answer["failed"], answer["remarked"]) == (1_001, 1, 1_001)
    assert (len(answer["items"]), answer["items"][-1]["kind"]) == (1_001, "refused")


async def test_an_export_is_written_beside_the_loop_that_answers_others(client, monkeypatch):
    names = [f"p{number:02}" for number in range(2 * files._AT_ONCE + 1)]
    for name in names:
        assert (await client.post("/prompts", json={"name": name, "template": "x"})).is_success
    threads: list[tuple[int, bool]] = []
    texts = files._texts

    def noting(write, batch):
        threads.append((len(batch), threading.current_thread() is threading.main_thread()))
        return texts(write, batch)

    monkeypatch.setattr(files, "_texts", noting)
    answer = await client.get("/export?format=jsonl")
    assert [json.loads(line)["name"] for line in answer.text.splitlines()] == names
    assert threads == [(files._AT_ONCE, False), (files._AT_ONCE, False), (1, False)]


async def test_cells_that_spreadsheets_run_are_guarded_on_request(client):
    await client.post("/prompts", json={"name": "sum", "template": "=1+1"})
    exported = await client.get("/export?format=csv&guard_formulas=true")
    assert "sum,'=1+1," in exported.text
    assert "sum,=1+1," in (await client.get("/export?format=csv")).text
    done = await client.post("/import", content=exported.content, headers=CSV)
    assert done.json()["unchanged"] == 1
    refused = await client.get("/export?format=json&guard_formulas=true")
    assert (refused.status_code, "in csv only" in refused.json()["detail"]) == (422, True)
