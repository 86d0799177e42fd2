"""The README's requests, in their order: what it shows is what happens."""

import re
import shlex
from pathlib import Path

import pytest

README = (Path(__file__).parents[2] / "README.md").read_text()
ADDRESS = "http://127.0.0.1:8000"


def _requests() -> list[list[str]]:
    lines = re.findall(rf"^curl .*{ADDRESS}.*$", README, re.MULTILINE)
    return [shlex.split(line)[1:] for line in lines]


def _parsed(words: list[str]) -> tuple[str, str, dict[str, str], str | None]:
    """Read a command of curl: its method, path, headers and body."""
    method, path, headers, body = None, "", {}, None
    left = iter(words)
    for word in left:
        match word:
            case "-X":
                method = next(left)
            case "-H":
                name, _, value = next(left).partition(": ")
                headers[name] = value
            case "-d":
                body = next(left)
            case _:
                path = word.removeprefix(ADDRESS)
    return method or ("GET" if body is None else "POST"), path, headers, body


async def test_every_request_of_the_readme_succeeds(client):
    requests = _requests()
    assert len(requests) > 20
    for method, path, headers, body in map(_parsed, requests):
        answer = await client.request(method, path, headers=headers, content=body)
        assert answer.is_success, (method, path, answer.text)


@pytest.mark.parametrize("operation", ["get", "post", "put", "patch", "delete"])
async def test_the_readme_shows_every_operation(client, operation):
    document = (await client.get("/openapi.json")).json()
    shown = [
        (method.lower(), path.partition("?")[0]) for method, path, *_ in map(_parsed, _requests())
    ]
    for template, operations in document["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        if operation in operations:
            assert any(
                method == operation and re.fullmatch(pattern, path) for method, path in shown
            ), (operation, template)
