import json
import re
from pathlib import Path

import jsonschema
import pytest
from jsonschema import Draft202012Validator

from mcp_server.rest.api import build_api
from mcp_server.rest.door import RestDoor
from mcp_server.service.callers import Caller
from tests.support.snapshots import check_snapshot

SNAPSHOT = Path(__file__).parent / "snapshots" / "openapi.json"
WRITING = {"post", "put", "patch", "delete"}


async def nobody():
    raise AssertionError("the document needs no library")


def make_document():
    return build_api(RestDoor(nobody, Caller("ada", door="rest")), "1.2.3").openapi()


DOCUMENT = make_document()
OPERATIONS = {
    operation["operationId"]: (method, path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


def validator(schema):
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def test_the_document_is_what_its_snapshot_says():
    check_snapshot(SNAPSHOT, DOCUMENT)


def test_the_document_is_written_once_and_always_the_same():
    api = build_api(RestDoor(nobody, Caller("ada", door="rest")), "1.2.3")
    assert api.openapi() is api.openapi()
    assert api.openapi() == DOCUMENT


def test_every_operation_has_an_id_of_its_own_a_summary_and_a_description():
    assert len(OPERATIONS) == sum(len(methods) for methods in DOCUMENT["paths"].values())
    for name, (_, _, operation) in OPERATIONS.items():
        assert re.fullmatch("[a-z]+(_[a-z]+)*", name)
        assert operation["summary"]
        assert operation["description"].endswith("."), name
        assert operation["tags"][0] in {tag["name"] for tag in DOCUMENT["tags"]}
    summaries = [operation["summary"] for _, _, operation in OPERATIONS.values()]
    assert len(set(summaries)) == len(summaries)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_failure_is_documented_as_a_problem_with_an_example(name):
    method, path, operation = OPERATIONS[name]
    needed = {"403", "421", "422", "500", "503"}
    needed |= {"404"} if "{prompt}" in path else set()
    needed |= {"408", "413", "415"} if method in WRITING else set()
    needed |= {"400"} if "requestBody" in operation else set()
    conditional = {each["name"] for each in operation.get("parameters", ())}
    needed |= {"412"} if "if-match" in conditional else set()
    needed |= {"304"} if "if-none-match" in conditional else set()
    assert needed <= operation["responses"].keys()
    for status, answer in operation["responses"].items():
        assert answer["description"]
        if status >= "400":
            content = answer["content"]["application/problem+json"]
            assert content["schema"] == {"$ref": "#/components/schemas/ProblemOut"}
            assert content["example"]["status"] == int(status)
            assert "{" not in content["example"]["instance"]
            validator(content["schema"]).validate(content["example"])


def _contents(operation):
    yield from operation.get("requestBody", {}).get("content", {}).values()
    for answer in operation["responses"].values():
        yield from answer.get("content", {}).values()


@pytest.mark.parametrize("name", OPERATIONS)
def test_bodies_and_answers_have_examples_that_fit(name):
    _, _, operation = OPERATIONS[name]
    for content in _contents(operation):
        shown = [each["value"] for each in content.get("examples", {}).values()]
        shown += [content["example"]] if "example" in content else []
        assert shown
        for example in shown:
            validator(content["schema"]).validate(example)
    for parameter in operation.get("parameters", ()):
        assert parameter["description"]
        for example in parameter["schema"].get("examples", ()):
            validator(parameter["schema"]).validate(example)


def test_every_property_is_described():
    for name, schema in DOCUMENT["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        shapes = schema.get("oneOf", [schema]) if "properties" not in schema else [schema]
        for shape in shapes:
            for field, each in shape["properties"].items():
                described = json.dumps(each)
                assert '"description"' in described or "const" in each, f"{name}.{field}"


_READ_BY_ALL = re.compile(r"(?:[ -\[\]-~]|\\(?:x[0-9a-f]{2}|[sSdDwW]|[^\w\s]))*")


def _patterns(value):
    if isinstance(value, dict):
        yield from [value["pattern"]] if isinstance(value.get("pattern"), str) else []
        yield from (each for held in value.values() for each in _patterns(held))
    elif isinstance(value, list):
        yield from (each for held in value for each in _patterns(held))


def test_patterns_are_written_as_every_language_reads_them():
    """ECMA-262, which JSON Schema names, takes an escape it doesn't know for the letter itself."""
    found = set(_patterns(DOCUMENT))
    assert r"^[^\x00]*$" in found
    for pattern in found:
        assert re.fullmatch(r"(?:[ -\[\]-~]|\\(?:x[0-9a-f]{2}|[sSdDwW]|[^\w\s]))*", pattern), (
            pattern
        )
        assert "(?P" not in pattern
        assert "++" not in pattern


def test_answers_hold_no_nulls():
    for name, schema in DOCUMENT["components"]["schemas"].items():
        if name.endswith(("Out", "Read")):
            assert '"null"' not in json.dumps(schema), name


def test_nothing_is_defined_that_nothing_refers_to():
    referred = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(DOCUMENT)))
    assert referred == DOCUMENT["components"]["schemas"].keys()


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("name", ["a", "code-review", "a" * 64], ["", "A", "-a", "a" * 65, "a\0", "é", "a b"]),
        ("title", ["", " ", "Über\n", "a b"], ["a\nb", "\0", "a" * 257]),
        ("folder", ["", "/", " a/b-c/ ", "a"], ["A", "a//b", "a b", "a/ b"]),
        (
            "tags",
            [[], ["a"], ["Ä b"]],
            [[""], ["a\nb"], [" "], [f"{n}" for n in range(65)], "a", [1]],
        ),
        ("model_type", ["", "gpt-4", "claude-*"], [" ", "a\nb", "a" * 129]),
        ("commit_message", ["", "a\nb"], ["\0", "a" * 2_001]),
        ("description", ["", "a\nb"], ["\0", "a" * 8_001]),
        ("template", ["a", " \n a "], ["", " ", "\0", 1]),
        ("model_config", [{}, {"a": [None]}], [[], "a", 1]),
        (
            "messages",
            [
                [{"role": "user", "content": "x"}],
                [
                    {
                        "role": "user",
                        "content": {"type": "image", "data": "QQ==", "mime_type": "a/b"},
                    }
                ],
                [{"role": "user", "content": {"type": "resource", "uri": "a:b", "text": "x"}}],
            ],
            [
                [],
                [{"role": "user"}],
                [{"role": "robot", "content": "x"}],
                [{"role": "user", "content": {"type": "image", "data": "!", "mime_type": "a/b"}}],
                [{"role": "user", "content": {"type": "text", "text": "x", "uri": "a:b"}}],
                [{"role": "user", "content": {"type": "resource", "uri": "a:b"}}],
            ],
        ),
        (
            "variants",
            [{}, {"claude-*": [{"role": "user", "content": "x"}]}],
            [{"a": []}, {"": [{"role": "user", "content": "x"}]}, {"a": [{"role": "x"}]}, []],
        ),
        (
            "arguments",
            [[], [{"name": "a"}], [{"name": "_1"}], [{"name": "größe"}], [{"name": "नाम"}]],
            [
                *([{"name": name}] for name in ("a b", "1a", "a-b", "a\x7f")),
                [{}],
                [{"name": "a", "x": 1}],
                {},
            ],
        ),
    ],
)
async def test_what_the_document_allows_is_what_is_accepted(client, field, good, bad):
    schema = validator({"$ref": "#/components/schemas/PromptPost"})
    for value, allowed in [*((each, True) for each in good), *((each, False) for each in bad)]:
        body = (
            {field: value} if field in ("template", "messages") else {"template": "x", field: value}
        )
        answer = await client.post("/prompts", json=body)
        assert schema.is_valid(body) == (answer.status_code == 201) == allowed, (value, answer.text)


async def test_swagger_ui_works_without_any_outside_network(client):
    page = await client.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    links = re.findall(r"""(?:src|href|url)\s*[=:]\s*["']([^"']+)["']""", page.text)
    assert {"/docs/assets/swagger-ui-bundle.js", "/openapi.json"} <= set(links)
    for link in links:
        assert link.startswith("/"), link
        assert (await client.get(link)).status_code == 200, link
    styles = (await client.get("/docs/assets/swagger-ui.css")).text
    assert not re.findall(r"url\((?!data:|\"data:|'data:)", styles)
    assert "@import" not in styles


async def test_the_document_is_served(client):
    served = (await client.get("/openapi.json")).json()
    assert served["paths"] == DOCUMENT["paths"]
