"""What nobody sends by mistake: a clear refusal each time, and never a failure of the server."""

import logging

import pytest
from starlette.exceptions import HTTPException

from mcp_server.rest.reading import read_json
from mcp_server.service.prompts import Prompts
from tests.rest.checking import JSON, is_refused, problem

LONG = "a" * 300
DEEP = 100_000


@pytest.fixture
async def review(write):
    return await write("review", template="Hi {{who}}")


UNREADABLE = [
    (b"{", "character 1"),
    (b"nul", "character 0"),
    (b'{"template": "x"', "character 16"),
    (b"{'template': 'x'}", "character 1"),
    (b'{"template": "a\nb"}', "character 15"),
    (b'{"template": "\xff"}', "UTF-8 from byte 14"),
    (b'{"template": "\xed\xa0\x80"}', "UTF-8 from byte 14"),
    ('{"template": "x"}'.encode("utf-16"), "UTF-8 from byte 0"),
    (b"[" * DEEP, "nested too deeply"),
    (b'{"a":' * DEEP, "nested too deeply"),
    (b'{"template": "a", "template": "b"}', 'the key "template" stands twice'),
    (b'{"template": "a", "model_config": {"b": 1, "b": 1}}', 'the key "b" stands twice'),
    (b'{"template": "a", "\\ud800": 1, "\\ud800": 2}', "stands twice"),
    (b'{"template": "x", "model_config": {"a": NaN}}', "no NaN"),
    (b'{"template": "x", "model_config": {"a": Infinity}}', "no Infinity"),
    (b'{"template": "x", "model_config": {"a": -Infinity}}', "no -Infinity"),
    (b'{"template": "x", "expected_version": ' + b"9" * 5_000 + b"}", "too many digits"),
]


@pytest.mark.parametrize(("body", "words"), UNREADABLE)
def test_what_isnt_json_by_the_letter_isnt_read(body, words):
    with pytest.raises(HTTPException) as refused:
        read_json(body)
    assert refused.value.status_code == 400
    assert words in refused.value.detail


def test_json_is_read_as_it_is_written():
    assert read_json(b'\xef\xbb\xbf{"a": [1, 2.5, null, true, "\xc3\xa9"]}') == {
        "a": [1, 2.5, None, True, "é"]
    }


async def test_a_body_that_isnt_json_is_a_400_on_every_route_that_reads_one(client, review):
    for method, path in (
        ("POST", "/prompts"), ("PUT", "/prompts/review"), ("PATCH", "/prompts/review"),
        ("POST", "/prompts/review/render"), ("PUT", "/prompts/review/labels/x"),
        ("POST", "/prompts/review/versions/1/restore"),
    ):  # fmt: skip
        for body, words in UNREADABLE:
            refused = await client.request(method, path, content=body, headers=JSON)
            assert problem(refused, 400, words)["type"].endswith(":invalid")
    assert (await client.get("/prompts/review")).json()["latest_version"] == 1


ILL_FORMED = [
    (b"null", "body"),
    (b"[]", "body"),
    (b'"x"', "body"),
    (b"3", "body"),
    (b"", "body"),
    (b'{"template": "x", "nme": "y"}', "nme"),
    (b'{"template": "x", "tagz": []}', "tagz"),
    (b'{"template": "x", "\\ud800": 1}', "body"),
    (b'{"template": 3}', "template"),
    (b'{"template": ["x"]}', "template"),
    (b'{"template": ""}', "template"),
    (b'{"template": " \\n"}', "template"),
    (b'{"template": "a\\u0000b"}', "messages[0].content.text"),
    (b'{"template": "a\\ud800b"}', "messages[0].content.text"),
    (b'{"template": "x", "messages": [{"role": "user", "content": "y"}]}', "template"),
    (b'{"messages": []}', "messages"),
    (b'{"messages": {}}', "messages"),
    (b'{"messages": [{"role": "robot", "content": "x"}]}', "messages[0].role"),
    (b'{"messages": [{"role": "user"}]}', "messages[0].content"),
    (
        b'{"messages": [{"role": "user", "content": {"type": "image", "data": "!"}}]}',
        "messages[0].content.mime_type",
    ),
    (b'{"template": "x", "tags": "x"}', "tags"),
    (b'{"template": "x", "tags": [1]}', "tags[0]"),
    (b'{"template": "x", "tags": ["a\\nb"]}', "tags"),
    (b'{"template": "x", "folder": "A B"}', "folder"),
    (b'{"template": "x", "title": "a\\u0007b"}', "title"),
    (b'{"template": "x", "model_config": []}', "model_config"),
    (b'{"template": "x", "model_config": {"a": 1e999}}', "model_config.a"),
    (b'{"template": "x", "model_config": {"a": "\\u0000"}}', "model_config.a"),
    (b'{"template": "x", "model_config": ' + b'{"a":' * 40 + b"1" + b"}" * 41, "model_config"),
    (b'{"template": "x", "expected_version": 0}', "expected_version"),
    (b'{"template": "x", "expected_version": true}', "expected_version"),
    (b'{"template": "x", "expected_version": "1"}', "expected_version"),
    (b'{"template": "x", "expected_version": 1.5}', "expected_version"),
    (b'{"template": "x", "expected_version": 99999999999999999999}', "expected_version"),
    (b'{"template": "x", "expected_version": 1e400}', "expected_version"),
    (b'{"template": "x", "arguments": [{"name": "a b"}]}', "arguments.a b"),
    (b'{"template": "x", "arguments": [{"name": "a", "required": 1}]}', "arguments[0].required"),
    (b'{"template": "x", "force": "0"}', "force"),
    (b'{"template": "x", "force": 1}', "force"),
    (b'{"template": "x", "arguments": [{"name": "a", "pattern": "("}]}', "arguments.a"),
    (b'{"template": "x", "variants": {"\\u0000": [{"role": "user", "content": "x"}]}}', "variants"),
    (b'{"template": "x", "template_format": "jinja"}', "template_format"),
]


async def test_a_body_of_another_shape_is_a_422_that_names_the_field(client, review):
    for method in ("PUT", "PATCH"):
        for body, field in ILL_FORMED:
            refused = await client.request(method, "/prompts/review", content=body, headers=JSON)
            assert list(problem(refused, 422)["fields"]) == [field], body
    assert (await client.get("/prompts/review")).json()["latest_version"] == 1


async def test_every_unknown_field_is_named_with_what_was_meant(client, review):
    told = problem(
        await client.post("/prompts", json={"template": "x", "titel": "T", "foldr": "f", "z": 1}),
        422,
        "'titel' is unknown. Did you mean 'title'?",
    )
    assert told["fields"].keys() == {"titel", "foldr", "z"}
    told = problem(await client.get("/prompts?tgs=a&modeltype=b"), 422, "Did you mean 'tags'")
    assert told["fields"].keys() == {"tgs", "modeltype"}


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "", "json", "*/*"])
async def test_a_body_of_another_type_is_a_415(client, review, content_type):
    for method, path in (
        ("POST", "/prompts"),
        ("PUT", "/prompts/review"),
        ("DELETE", "/prompts/x"),
    ):
        refused = await client.request(
            method, path, content=b'{"template": "x"}', headers={"content-type": content_type}
        )
        problem(refused, 415, "application/json")
        assert refused.headers["accept"] == "application/json"


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "application/merge-patch+json"]
)
async def test_json_by_another_name_is_read(client, review, content_type):
    answer = await client.patch(
        "/prompts/review", content=b'{"title": "T"}', headers={"content-type": content_type}
    )
    assert answer.json()["title"] == "T"


SEGMENTS = [
    LONG, LONG * 20, "a%2Fb", "a%2F..%2Fb", "..", "%2e%2e", "%00", "review%00", "%ff%fe",
    "%ed%a0%80", "%C3%28", "review%0a", "%20review", "Review", "review@", "review@0", "review@x%00",
    "@1", "review@branch:", "review@" + LONG, "review;x=1", "%25", "r%C3%A9sum%C3%A9",
    "review%3Fx", "review%23x", "%7B%7B", "'%20OR%201=1--", "-review", "0" * 65,
    "ffffffff-ffff-ffff-ffff-ffffffffffff", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
]  # fmt: skip


async def test_a_path_that_no_prompt_can_have_is_refused(client, review):
    for segment in SEGMENTS:
        for method, rest in (
            ("GET", ""), ("PUT", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/versions"),
            ("GET", "/history"), ("GET", "/labels"), ("GET", "/diff?old=1"), ("POST", "/render"),
            ("POST", "/restore"), ("GET", "/versions/1"), ("PUT", "/labels/x"),
        ):  # fmt: skip
            body = {"version": 1} if rest == "/labels/x" else {"template": "x"}
            sent = {"json": body} if method in ("PUT", "PATCH") else {}
            answer = await client.request(method, f"/prompts/{segment}{rest}", **sent)
            assert is_refused(answer), (method, segment, rest)
    assert (await client.get("/prompts/review")).json()["latest_version"] == 1


async def test_a_label_that_none_can_be_is_refused(client, review):
    for segment in SEGMENTS:
        place = f"/prompts/review/labels/{segment}"
        if segment in ("..", "%2e%2e") or segment.startswith("ffff"):
            continue  # clients resolve the first two; the other could well be a label
        assert is_refused(await client.put(place, json={"version": 1})), segment
        assert is_refused(await client.delete(place)), segment


QUERIES = [
    "q=%00", "tag=%00", "tags=a,%00", "folder=%00", "model_type=%00", "label=%00", "includes=%00",
    "q=" + LONG * 4,
    "cursor=", "cursor=%00", "cursor=%ff", "cursor=AAAA", "cursor=" + LONG, "cursor=e30",
    "limit=0", "limit=101", "limit=-1", "limit=x", "limit=", "limit=1.0", "limit=1e1",
    "limit=%D9%A3", "version=0", "version=99999999999999999999", "min_version=-5",
    "min_version=NaN", "archived=maybe", "archived=", "nothing=1", "%ff=1", "limit%00=1",
    "folder=%ff", "folder=Team%20A", "folder=" + LONG * 3,
]  # fmt: skip
HARMLESS = [
    "q=%ff", "q=%ed%a0%80", "tag=%ff", "folder=", "folder=%2Fa%2F", "q=", "tag=%25",
    "q=!!!%20%26%26%20%7C%20(", "label=nope", "model_type=*", "q=a%3A*%20%3C-%3E", "tags=,,", "&&",
    "q=" + "a%20" * 400, "q=%F0%9F%98%80", "q=%27%22%5C%25_", "tag=" + LONG,
]  # fmt: skip


async def test_a_query_that_cant_be_answered_is_refused(client, review):
    for query in QUERIES:
        problem(await client.get(f"/prompts?{query}"), 422)
    for query in ("branch=%00", "branch=" + LONG, "limit=0", "cursor=x", "q=x", "cursor=%ff"):
        problem(await client.get(f"/prompts/review/versions?{query}"), 422)
    for query in ("old=%00", "old=" + LONG, "new=1", "old=1&new=%ff", "old=1&x=1", "old="):
        problem(await client.get(f"/prompts/review/diff?{query}"), 422)


async def test_a_query_that_finds_nothing_is_no_failure(client, review):
    for query in HARMLESS:
        assert (await client.get(f"/prompts?{query}")).status_code == 200, query


async def test_a_name_that_no_prompt_can_have_is_refused_with_one_that_it_can(client):
    for name in (LONG, "My Prompt", "", "-x", "é", "a/b", "a\0b", "A", "a@1", "..", "01" * 40):
        answer = await client.post("/prompts", json={"name": name, "template": "x"})
        assert "name" in problem(answer, 422, "Use '")["fields"]
    answer = await client.post(
        "/prompts", content=b'{"name": "\\ud800", "template": "x"}', headers=JSON
    )
    assert "name" in problem(answer, 422)["fields"]


async def test_a_body_on_a_get_is_ignored(client, review):
    for path in ("/prompts", "/prompts/review"):
        answer = await client.request("GET", path, content=b"\0" * 100_000, headers=JSON)
        assert answer.status_code == 200


async def test_a_path_is_told_back_as_urls_write_it(client):
    told = problem(await client.get("/prompts/%00%C3%A9%20"), 422)
    assert told["instance"] == "/prompts/%00%C3%A9%20"


async def test_a_bug_says_nothing_of_itself_and_is_logged_once(served, write, monkeypatch, caplog):
    await write("review")

    async def fail(*_, **__):
        raise RuntimeError("secret")

    monkeypatch.setattr(Prompts, "get", fail)
    with caplog.at_level(logging.ERROR):
        answer = await served.client.get("/prompts/review", headers={"x-request-id": "r-1"})
    told = problem(answer, 500, "nobody foresaw")
    assert "secret" not in answer.text
    assert told["type"] == "urn:promptstack:problem:bug"
    assert answer.headers["x-request-id"] == "r-1"
    assert [record.message for record in caplog.records] == ["GET /prompts/review failed"]
    assert "secret" in str(caplog.records[0].exc_info)
