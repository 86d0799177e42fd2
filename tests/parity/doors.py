"""One way to ask the same thing through MCP, over REST and on the command line."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol
from urllib.parse import quote

import httpx2
from fastapi import FastAPI
from mcp import Client
from typer.testing import CliRunner

from mcp_server.cli.commands import cli
from mcp_server.cli.running import EXIT_CODES
from mcp_server.protocol.errors import ERROR_META, KINDS
from mcp_server.protocol.server import ServerOptions, build_server
from mcp_server.rest.api import build_api
from mcp_server.rest.door import RestDoor as ApiDoor
from mcp_server.service.callers import Caller
from mcp_server.service.library import Core
from storage.connectors import UrlConnector
from storage.database import Database
from tests.support.seeing import seen

ACTOR = "tester"
MOMENTS_AND_IDS = ("id", "created_at", "updated_at", "archived_at", "moved_at")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a door said: an entity, or a failure of some kind."""

    entity: Mapping[str, Any] | None = None
    kind: str | None = None
    sentence: str | None = None

    def __getitem__(self, name: str) -> Any:
        assert self.entity is not None, self
        return self.entity[name]


class Door(Protocol):
    """Asks for what a tool does, by the tool's name and arguments."""

    def ask(self, tool: str, **arguments: Any) -> Answer: ...

    def use(self, reference: str, **arguments: str) -> str:
        """Return the text that a prompt renders to."""
        ...


@dataclass(frozen=True, slots=True)
class McpDoor:
    """The MCP server in memory, spoken to by the SDK's client."""

    url: str

    def ask(self, tool: str, **arguments: Any) -> Answer:
        result = asyncio.run(self._with_client(lambda client: client.call_tool(tool, arguments)))
        if result.is_error:
            return Answer(
                kind=result.meta[ERROR_META]["kind"], sentence=_sentence(result.content[0].text)
            )
        return Answer(entity=_settled(result.structured_content))

    def use(self, reference: str, **arguments: str) -> str:
        got = asyncio.run(self._with_client(lambda client: client.get_prompt(reference, arguments)))
        return got.messages[0].content.text

    async def _with_client(self, ask: Any) -> Any:
        database = Database(UrlConnector(self.url))
        library = seen(database)

        async def ready() -> Core:
            return library.core

        door = build_server(ready, ServerOptions(version="0", caller=Caller(ACTOR)))
        try:
            async with Client(door.server) as client:
                return await ask(client)
        finally:
            await database.close()


@dataclass(frozen=True, slots=True)
class CliDoor:
    """The command line in this process."""

    url: str
    runner: CliRunner = field(default_factory=CliRunner)

    def ask(self, tool: str, **arguments: Any) -> Answer:
        plain, nested = _parted(tool, arguments)
        command, *rest = _COMMANDS[tool](plain)
        reading = ["--from-json", "-"] if nested else []
        ran = self._run([command, "--json", *reading, *rest], json.dumps(nested))
        if ran.exit_code:
            return Answer(
                kind=_KINDS[ran.exit_code],
                sentence=_sentence(ran.stderr.removeprefix("promptstack: ").removesuffix("\n")),
            )
        return Answer(entity=_settled(json.loads(ran.stdout)))

    def use(self, reference: str, **arguments: str) -> str:
        return self._run(["get", reference, "--render", *_values(arguments)]).stdout

    def _run(self, arguments: Sequence[str], given: str | None = None) -> Any:
        environment = {"DATABASE_URL": self.url, "PROMPTSTACK_USER": ACTOR}
        ran = self.runner.invoke(cli, arguments, env=environment, input=given)
        if ran.exception is not None and not isinstance(ran.exception, SystemExit):
            raise ran.exception
        return ran


_asked: ContextVar[Core] = ContextVar("asked")
"""The library that a request over REST is for."""


async def _asked_library() -> Core:
    return _asked.get()


@cache
def _api() -> FastAPI:
    """The REST API of all libraries: to make one takes as long as many requests."""
    return build_api(ApiDoor(_asked_library, Caller(ACTOR, door="rest")), "0")


@dataclass(frozen=True, slots=True)
class RestDoor:
    """The REST API in memory, spoken to by an HTTP client."""

    url: str

    def ask(self, tool: str, **arguments: Any) -> Answer:
        request = _REQUESTS[tool](dict(arguments))
        told = asyncio.run(self._send(request))
        if told.is_success:
            return Answer(entity=_settled(_as_the_tool_says(tool, arguments, told)))
        problem = told.json()
        return Answer(
            kind=problem["type"].rpartition(":")[2],
            # The same refusal, in front of which each door says what it was given.
            sentence=problem["detail"].replace("The request can't", "The arguments can't", 1),
        )

    def use(self, reference: str, **arguments: str) -> str:
        rendered = self.ask("render_prompt", reference=reference, arguments=arguments)
        return rendered["messages"][0]["content"]["text"]

    async def _send(self, request: "Request") -> httpx2.Response:
        database = Database(UrlConnector(self.url))
        _asked.set(seen(database).core)
        transport = httpx2.ASGITransport(app=_api())
        try:
            async with httpx2.AsyncClient(transport=transport, base_url="http://x") as client:
                return await client.request(
                    request.method, request.path, params=request.query, json=request.body
                )
        finally:
            await database.close()


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent over HTTP in place of a tool's call."""

    method: str
    path: str
    query: Mapping[str, Any] | None = None
    body: Mapping[str, Any] | None = None


def _sentence(account: str) -> str:
    """Leave out what REST gives as data: the conflicts below the sentence."""
    return account.partition("\n\n")[0]


def _place(reference: str, *rest: str) -> str:
    return "/".join(["/prompts", quote(reference, safe="@:"), *rest])


def _search_request(arguments: dict[str, Any]) -> Request:
    names = {"query": "q", "tags": "tag"}
    query = {names.get(name, name): value for name, value in arguments.items()}
    return Request("GET", "/prompts", query)


def _render_request(arguments: dict[str, Any]) -> Request:
    reference = arguments.pop("reference")
    return Request("POST", _place(reference, "render"), body=arguments)


def _update_request(arguments: dict[str, Any]) -> Request:
    method = "PUT" if "template" in arguments else "PATCH"
    return Request(method, _place(arguments.pop("name")), body=arguments)


def _diff_request(arguments: dict[str, Any]) -> Request:
    name, _, old = arguments["old"].partition("@")
    new = arguments["new"].partition("@")[2]
    kept = {name: str(each).lower() for name, each in arguments.items() if each in (True, False)}
    return Request("GET", _place(name, "diff"), {"old": old, "new": new} | kept)


def _restore_request(arguments: dict[str, Any]) -> Request:
    name, _, version = arguments.pop("reference").partition("@")
    return Request("POST", _place(name, "versions", version, "restore"), body=arguments)


def _label_request(arguments: dict[str, Any]) -> Request:
    name, _, point = arguments["reference"].partition("@")
    place = _place(name, "labels", arguments["label"])
    forced = {"force": arguments["force"]} if "force" in arguments else {}
    if arguments.get("remove"):
        return Request("DELETE", place, {name: str(each).lower() for name, each in forced.items()})
    body: dict[str, Any] = {}
    if "weights" not in arguments:
        body = {"version": int(point)} if point.isdigit() else {"reference": point or "latest"}
    told = {name: arguments[name] for name in ("weights", "reason") if name in arguments}
    return Request("PUT", place, body=body | told | forced)


def _branch_request(arguments: dict[str, Any]) -> Request:
    name, _, point = arguments["reference"].partition("@")
    if arguments.get("delete"):
        forced = {"force": "true"} if arguments.get("force") else {}
        return Request("DELETE", _place(name, "branches", arguments["branch"]), forced)
    start = {"version": int(point)} if point.isdigit() else {"reference": point or "latest"}
    return Request("POST", _place(name, "branches"), body={**start, "branch": arguments["branch"]})


def _merge_request(arguments: dict[str, Any]) -> Request:
    return Request("POST", _place(arguments.pop("name"), "merge"), body=arguments)


def _archive_request(arguments: dict[str, Any]) -> Request:
    place = _place(arguments["name"])
    if arguments.get("restore"):
        return Request("POST", f"{place}/restore")
    return Request("DELETE", place, {"force": "true"} if arguments.get("force") else {})


_REQUESTS: Mapping[str, Any] = {
    "search_prompts": _search_request,
    "get_prompt": lambda given: Request("GET", _place(given.pop("reference")), given),
    "render_prompt": _render_request,
    "create_prompt": lambda given: Request("POST", "/prompts", body=given),
    "update_prompt": _update_request,
    "list_versions": lambda given: Request("GET", _place(given.pop("name"), "versions"), given),
    "diff_versions": _diff_request,
    "restore_version": _restore_request,
    "set_label": _label_request,
    "create_branch": _branch_request,
    "merge_branch": _merge_request,
    "archive_prompt": _archive_request,
}


def _as_the_tool_says(tool: str, asked: Mapping[str, Any], told: httpx2.Response) -> Any:
    """Return what the tool would say: REST leaves out what a status says, and what isn't asked."""
    if told.status_code == 204:
        return {"name": asked["name"], "archived": True, "archived_at": ""}
    said = told.json()
    said.pop("content", None)
    if tool == "search_prompts" and not asked.get("query"):
        unscored = [
            {**hit, "score": 0.0, "snippet": hit.get("description", "")} for hit in said["items"]
        ]
        return {**said, "items": unscored}
    return said


_KINDS = {code: KINDS[kind].name for kind, code in EXIT_CODES.items()}

_OPTIONS = {
    "commit_message": "--message",
    "template_format": "--format",
    "tags": "--tag",
}


def _options(arguments: Mapping[str, Any]) -> list[str]:
    written: list[str] = []
    for name, value in arguments.items():
        option = _OPTIONS.get(name, f"--{name.replace('_', '-')}")
        if value is True:
            written.append(option)
            continue
        for each in value if isinstance(value, list) else [value]:
            written += [option, str(each)]
    return written


def _for_model(arguments: dict[str, Any]) -> dict[str, Any]:
    """Call the model as `get` does, whose --model-type would be a filter's."""
    return {("model" if name == "model_type" else name): each for name, each in arguments.items()}


def _parted(tool: str, arguments: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part what options hold from what is read from a file."""
    writes = tool in ("create_prompt", "update_prompt")
    names = (
        {"variants", "messages", "arguments", "model_config"} & arguments.keys()
        if writes
        else set()
    )
    # A text that stands beside declarations is read from the same file.
    names |= {"template"} & arguments.keys() if "arguments" in names else set()
    nested = {name: arguments[name] for name in names}
    return {name: each for name, each in arguments.items() if name not in nested}, nested


def _values(arguments: Mapping[str, Any]) -> list[str]:
    return [part for name, value in arguments.items() for part in ("--arg", f"{name}={value}")]


def _command(name: str, *places: str) -> Any:
    """Return how a tool's arguments are written behind a command."""

    def write(arguments: dict[str, Any]) -> list[str]:
        positional = [arguments.pop(place) for place in places]
        return [name, *_options(arguments), "--", *positional]

    return write


def _search(arguments: dict[str, Any]) -> list[str]:
    words = arguments.pop("query", "").split()
    return ["search", *_options(arguments), *words]


def _set_label(arguments: dict[str, Any]) -> list[str]:
    command = "unlabel" if arguments.pop("remove", False) else "label"
    places = [arguments.pop("reference"), arguments.pop("label")]
    shares = [f"{version}={weight}" for version, weight in arguments.pop("weights", {}).items()]
    return [command, *_options({**arguments, "weight": shares}), "--", *places]


def _branch(arguments: dict[str, Any]) -> list[str]:
    deleting = ["--delete"] if arguments.get("delete") else []
    forced = ["--force"] if arguments.get("force") else []
    return ["branch", *deleting, *forced, arguments["reference"], arguments["branch"]]


def _merge(arguments: dict[str, Any]) -> list[str]:
    places = [arguments.pop("name"), arguments.pop("branch")]
    deleting = ["--delete-branch"] if arguments.pop("delete_branch", False) else []
    resolution = _options(arguments.pop("resolution", {}))
    return ["merge", *deleting, *resolution, *_options(arguments), "--", *places]


def _archive(arguments: dict[str, Any]) -> list[str]:
    forced = ["--force"] if arguments.get("force") else []
    return ["restore" if arguments.get("restore") else "archive", *forced, arguments["name"]]


def _render(arguments: dict[str, Any]) -> list[str]:
    values = _values(arguments.pop("arguments", {}))
    reference = arguments.pop("reference")
    arguments = _for_model(arguments)
    return ["get", reference, "--render", *values, *_options(arguments)]


_COMMANDS: Mapping[str, Any] = {
    "search_prompts": _search,
    "get_prompt": lambda given: _command("get", "reference")(_for_model(given)),
    "render_prompt": _render,
    "create_prompt": _command("create", "name"),
    "update_prompt": _command("update", "name"),
    "list_versions": _command("versions", "name"),
    "diff_versions": _command("diff", "old", "new"),
    "restore_version": _command("restore-version", "reference"),
    "set_label": _set_label,
    "create_branch": _branch,
    "merge_branch": _merge,
    "archive_prompt": _archive,
}


def _settled(value: Any) -> Any:
    """Leave out what differs between any two libraries: identities and moments."""
    if isinstance(value, Mapping):
        return {
            name: type(each).__name__ if name in MOMENTS_AND_IDS else _settled(each)
            for name, each in value.items()
        }
    return [_settled(each) for each in value] if isinstance(value, list) else value
